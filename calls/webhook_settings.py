"""The settings of webhooks: who is told of every call, and with which secrets. Pure.

A secret is one of Standard Webhooks: ``whsec_``, and the base64 of 24 to 64 bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Literal
from urllib.parse import urlsplit

from calls.outgoing_urls import MAX_URL_CHARACTERS, is_file_of, parse_hosts

Addresses = Literal["public", "private", "any"]
"""To which addresses webhooks may be sent (``calls/events/addresses.py``)."""

CALL = "call"
"""The name of the endpoint that a call itself names."""

TOPIC = "event-grid"
"""The name of the Event Grid topic."""

SECRET_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)
_NAME = re.compile("[a-z][a-z0-9-]{0,31}", re.ASCII)
_URL_CHARACTERS = re.compile("[!-~]+", re.ASCII)
_LOCAL_URL = re.compile(
    r"http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]*)+", re.ASCII
)


def parse_webhooks(setting: str, addresses: Addresses) -> dict[str, str]:
    """Parse WEBHOOKS, ``NAME=URL,...``: the URLs by name. Raises ValueError, without a URL."""
    webhooks: dict[str, str] = {}
    for name, url in _entries(setting):
        if name in (CALL, TOPIC):
            raise ValueError(f"{name} is not a name that an endpoint may have")
        if not _is_endpoint(url, addresses):
            raise ValueError(
                f"the URL of {name} must be https:// and a host, without user information and "
                "without a fragment"
            )
        if name in webhooks:
            raise ValueError(f"{name} is there twice")
        webhooks[name] = url
    return webhooks


def parse_secrets(setting: str) -> dict[str, list[bytes]]:
    """Parse WEBHOOK_SECRETS, ``NAME=SECRET SECRET,...``: the keys by name.

    Raises ValueError, without a secret.
    """
    return {name: [_key(name, text) for text in texts.split()] for name, texts in _entries(setting)}


def permits_call_webhook(url: str, hosts: str, addresses: Addresses) -> bool:
    """Return whether a call may name this URL. Raises ValueError if the hosts are malformed."""
    if addresses == "any" and hosts and _LOCAL_URL.fullmatch(url):
        return len(url) <= MAX_URL_CHARACTERS
    return is_file_of(url, parse_hosts(hosts))


def webhook_faults(
    webhooks: str, secrets: str, hosts: str, addresses: Addresses, topic_endpoint: str
) -> list[str]:
    """Return what is wrong with the settings of webhooks, a line for each fault."""
    faults: list[str] = []
    names: set[str] = set()
    try:
        names = set(parse_webhooks(webhooks, addresses))
    except ValueError as error:
        faults.append(f"WEBHOOKS: {error}")
    try:
        parse_hosts(hosts)
    except ValueError as error:
        faults.append(f"WEBHOOK_HOSTS: {error}")
    names |= {CALL} if hosts else set()
    try:
        keys = parse_secrets(secrets)
    except ValueError as error:
        return [*faults, f"WEBHOOK_SECRETS: {error}"]
    faults += [f"WEBHOOK_SECRETS: has no secret of {name}" for name in sorted(names - keys.keys())]
    if topic_endpoint and not topic_endpoint.startswith("https://") and addresses != "any":
        faults.append("EVENT_GRID_TOPIC_ENDPOINT: must begin with https://")
    return faults


def _entries(setting: str) -> list[tuple[str, str]]:
    entries = [entry.strip() for entry in setting.split(",")] if setting.strip() else []
    pairs = [(name, text.strip()) for name, _, text in (e.partition("=") for e in entries)]
    for name, text in pairs:
        if not _NAME.fullmatch(name) or not text:
            # Not quoted: it may be a piece of a secret.
            raise ValueError("each entry must be NAME=..., with a name of a-z, 0-9 and -")
    return pairs


def _key(name: str, secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
        raise ValueError(
            f"each secret of {name} must be {SECRET_PREFIX} and the base64 of 24 to 64 bytes"
        )
    return key


def _is_endpoint(url: str, addresses: Addresses) -> bool:
    if len(url) > MAX_URL_CHARACTERS or not _URL_CHARACTERS.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    schemes = ("https", "http") if addresses == "any" else ("https",)
    return parts.scheme in schemes and has_host and "@" not in parts.netloc and "#" not in url
