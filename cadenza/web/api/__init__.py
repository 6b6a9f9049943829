"""The API: what may a program do that comes with a key?"""
