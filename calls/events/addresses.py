"""Addresses that webhooks may be sent to. Pure.

Whoever may name a URL must not be able to reach what only this app can reach: its own host, the
services of Azure's platform, or a private network. A host's name says nothing about that, and may
stand for another address a moment later. So the address is checked as the socket is opened.

Source of the ranges: IANA's special-purpose address registries, as ``ipaddress`` has them; RFC 6052
and RFC 8215 (NAT64); Microsoft's documentation of 168.63.129.16, through which a virtual machine
reaches Azure's platform, and which is not a special-purpose address.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from calls.webhook_settings import Addresses

_PLATFORM = ip_address("168.63.129.16")
_PRIVATE = [ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
_NAT64 = [ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48")]
_UNICAST = ip_network("2000::/3")
"""All global addresses of IPv6 that IANA has assigned. ``ipaddress`` takes others for global, too:
fec0::/10 (site-local, RFC 3879) and ::ffff:0:0:0/96 (translated IPv4 addresses, RFC 7915)."""

_EMBEDDING = [*_NAT64, ip_network("::/96"), ip_network("2002::/16"), ip_network("2001::/32")]
"""Networks of IPv6 in whose addresses there is an IPv4 address, which may be any."""


class AddressNotPermitted(OSError):
    """Raised when a request would go to an address that WEBHOOK_ADDRESSES does not permit."""


def is_permitted(address: str, addresses: Addresses) -> bool:
    """Return whether a request may go to an address.

    Args:
        address: An IP address, without brackets; what is none is refused.
        addresses: ``public``; ``private``, which adds private networks; or ``any``.
    """
    if addresses == "any":
        return True
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if ip == _PLATFORM or _embeds_address(ip):
        return False
    if ip.is_multicast or ip.is_unspecified or ip.is_loopback or ip.is_link_local:
        return False
    is_private = any(ip in network for network in _PRIVATE)
    is_global = ip.is_global and (isinstance(ip, IPv4Address) or ip in _UNICAST)
    return is_global or (addresses == "private" and is_private)


def _embeds_address(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address):
        return False
    return ip.ipv4_mapped is not None or any(ip in network for network in _EMBEDDING)
