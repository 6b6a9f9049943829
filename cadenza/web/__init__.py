"""The public pages: what may a person outside do who has nothing but a link from a mail?"""
