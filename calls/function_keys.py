"""The names of function keys, and with them their roles.

The Functions host checks a request's key, and knows its name, but tells the name only to workers
that read ``RpcHttp.identities``; the Python worker does not. So the app recognizes the key itself,
by its SHA-256: a key is 256 random bits, of which a digest reveals nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple

from calls.principals import ROLES, Role

_ENTRY = re.compile(rf"(({'|'.join(ROLES)})(?:-[\w.-]{{1,64}})?)=([0-9a-f]{{64}})", re.ASCII)


class NamedKey(NamedTuple):
    """One function key: its name, the role in it, and the SHA-256 of the key in hexadecimal."""

    name: str
    role: Role
    digest: str


def parse_function_keys(text: str) -> tuple[NamedKey, ...]:
    """Parse the setting FUNCTION_KEYS. A name may be there twice, while its key is replaced.

    Raises ValueError.
    """
    keys: dict[str, NamedKey] = {}
    for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            # The entry itself stays out of the message: it may be a key.
            raise ValueError(
                f"entry {number} is not NAME=SHA256, with NAME one of {', '.join(ROLES)}, alone or "
                "followed by a hyphen and more, and SHA256 as 64 hexadecimal digits in lower case"
            )
        name, role, digest = match.groups()
        if digest in keys:
            raise ValueError(f"{keys[digest].name} and {name} are the same key")
        keys[digest] = NamedKey(name, role, digest)  # type: ignore[arg-type]
    return tuple(keys.values())


def key_digest(key: str) -> str:
    """Return a key's SHA-256, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def find_key(keys: tuple[NamedKey, ...], key: str) -> NamedKey | None:
    """Return the key that was sent; None if it is none of them. Takes as long for each of them."""
    digest = key_digest(key)
    matches = [known for known in keys if hmac.compare_digest(known.digest, digest)]
    return matches[0] if matches else None
