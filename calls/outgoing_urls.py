"""URLs that a caller of this app names and that ACS then opens, on listed hosts only. Pure.

ACS opens them with its own identity, from its own network. A URL that anyone may choose would let
them probe Azure's network through ACS, or have a call's text read by a resource of their own. So a
URL is compared with one strict pattern, and everything else is refused: another scheme, user
information, a port, an IP address, a query, a fragment, escapes, and characters that a URL does
not have.
"""

from __future__ import annotations

import re

COGNITIVE_SERVICES_HOSTS = ("*.cognitiveservices.azure.com", "*.services.ai.azure.com")
"""The hosts of Azure AI resources with their own subdomain, in the public cloud."""

MAX_URL_CHARACTERS = 2048

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The last label has a letter first: an IP address, however it is written, has a digit there.
_HOST = rf"(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?"
_SEGMENT = r"/[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_ENDPOINT = re.compile(rf"https://(?P<host>{_HOST})/?", re.ASCII)
_FILE = re.compile(rf"https://(?P<host>{_HOST})(?:{_SEGMENT})+", re.ASCII)
_PATTERN = re.compile(rf"(?:\*\.(?={_LABEL}\.))?{_HOST}", re.ASCII)


def parse_hosts(setting: str) -> list[str]:
    """Parse a setting that lists hosts: ``a.example,*.b.example``.

    ``*.b.example`` stands for one label before ``b.example``, as in a certificate.

    Raises ValueError: an entry is not a host.
    """
    entries = [entry.strip() for entry in setting.split(",")] if setting.strip() else []
    for entry in entries:
        if _PATTERN.fullmatch(entry) is None:
            raise ValueError(f"{entry!r} is neither a host name nor *. before one")
    return [entry.lower() for entry in entries]


def is_endpoint_of(url: str, hosts: list[str]) -> bool:
    """Return whether a URL is the address of a resource on one of the hosts, without a path."""
    return _is_on(_ENDPOINT.fullmatch(url), url, hosts)


def is_file_of(url: str, hosts: list[str]) -> bool:
    """Return whether a URL is that of a file on one of the hosts, without a query."""
    return _is_on(_FILE.fullmatch(url), url, hosts)


def _is_on(match: re.Match[str] | None, url: str, hosts: list[str]) -> bool:
    if match is None or len(url) > MAX_URL_CHARACTERS:
        return False
    host = match["host"].lower()
    _, _, parent = host.partition(".")
    return host in hosts or f"*.{parent}" in hosts
