"""Cadenza: an open, self-hosted sequence engine."""
