"""May secrets be sent to this address?"""

from __future__ import annotations

from urllib.parse import urlsplit

from cadenza.errors import SettingsInvalid

LOCAL = ("127.0.0.1", "::1", "localhost")


def checked_endpoint(url: str) -> str:
    """The address, if it is safe: by TLS, or on this machine.

    Raises:
        SettingsInvalid: what is sent there could be read on the way.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL):
        return url
    raise SettingsInvalid(f"The token endpoint {url} is not an https address: secrets may not travel in the open.")
