"""From which client is a request?"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from pydantic import IPvAnyNetwork

Address = IPv4Address | IPv6Address
#: A single line behind a provider has a network of this size (RFC 6177): it counts as one client.
IPV6_PREFIX = 64


def client_of(peer: str, forwarded: str, trusted: Sequence[IPvAnyNetwork]) -> str:
    """The client behind trusted proxies, as far as they can be believed.

    ``peer`` is who is connected; ``forwarded`` is X-Forwarded-For. Read from the right, each address was put there by
    the one after it, so the first that is no trusted proxy is the client, whatever it says of others.
    """
    client = _address(peer)
    hops = forwarded.split(",")
    while client is not None and hops and any(client in network for network in trusted):
        before = _address(hops.pop())
        if before is None:
            break
        client = before
    if isinstance(client, IPv6Address):
        return str(IPv6Network((client, IPV6_PREFIX), strict=False))
    return str(client)


def _address(words: str) -> Address | None:
    try:
        address = ip_address(words.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
