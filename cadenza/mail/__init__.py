"""The only place that builds a message or opens a socket to a mail server."""
