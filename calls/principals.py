"""Who acts: a function key, a user or an app of Entra ID, or this app itself; and their roles."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Kind = Literal["key", "entra", "system"]

Role = Literal["Caller", "Listener", "Auditor", "Admin"]
"""What a principal may do. These are the values of the app roles in Entra ID, too."""

ROLES: tuple[Role, ...] = get_args(Role)


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who did something, as the audit trail has it.

    Attributes:
        kind: ``key`` for a function key, ``entra`` for a user or an app, ``system`` for this app.
        id: The object id in Entra ID, or the key's name.
        name: A name for people: the user's, or the key's.
    """

    kind: Kind
    id: str
    name: str


SYSTEM = Principal(kind="system", id="call-audio", name="Call Audio")
"""What the app does by itself: answering calls, enforcing retention, reconciling."""
