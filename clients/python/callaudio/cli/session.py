"""A command's profile, client and output, and the call that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

import typer

from callaudio.auth import entra_token
from callaudio.cli.outcome import CommandError, Exit
from callaudio.cli.output import Output
from callaudio.cli.profiles import Profile, find_profile
from callaudio.client import Client
from callaudio.generated.models.call import Call

LAST = "last"

_SHORTEST_PREFIX = 4
_RECENT_CALLS = 200
_CALL_ID = re.compile(r"[A-Za-z0-9_-]+")

CallArgument = Annotated[
    str, typer.Argument(metavar="CALL", help="A call's id, its beginning, or `last`.")
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", "-p", help="The profile to use: see `callaudio profiles`."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, one document in a line.", show_default=False)
]


@dataclass
class Session:
    """What a command needs."""

    client: Client
    output: Output
    profile: Profile

    def find_call(self, name: str) -> str:
        """Return the id of a call: by its id, its beginning, or ``last``. Raises CommandError.

        Files are named after it, so whatever it came from, it has no path in it.
        """
        call = self._find_call(name)
        if not _CALL_ID.fullmatch(call):
            raise CommandError(
                f"{call!r} is not a call's id: it has letters, digits, - and _ only", Exit.NOT_FOUND
            )
        return call

    def _find_call(self, name: str) -> str:
        if name != LAST and (len(name) < _SHORTEST_PREFIX or len(name) >= len("401f2980-0b2e-4c")):
            return name
        calls = islice(self.client.iterate_calls(limit=100), _RECENT_CALLS)
        if name == LAST:
            newest: Call | None = next(calls, None)
            if newest is None:
                raise CommandError("there are no calls yet", Exit.NOT_FOUND)
            return newest.call_connection_id
        ids = [c.call_connection_id for c in calls if c.call_connection_id.startswith(name)]
        if len(ids) > 1:
            raise CommandError(f"{name} is the beginning of {len(ids)} calls", Exit.NOT_FOUND)
        return ids[0] if ids else name


@contextmanager
def open_session(profile_name: str | None, *, is_json: bool) -> Iterator[Session]:
    """Open a client of the profile. Raises ProfileError, CommandError."""
    profile = find_profile(profile_name)
    with open_client(profile) as client:
        yield Session(client, Output(is_json=is_json), profile)


def open_client(profile: Profile) -> Client:
    """Return a client of a profile's app. Raises CommandError."""
    try:
        if profile.scope is None:
            return Client(profile.url, profile.key)
        return Client(profile.url, token=entra_token(profile.scope))
    except ValueError as error:
        raise CommandError(f"{error} (profile {profile.name})", Exit.USAGE) from error
    except ImportError as error:
        raise CommandError(
            "azure-identity is missing, which signs in with Entra ID: install "
            "`callaudio[entra]`, with pipx by `pipx inject callaudio azure-identity`"
        ) from error
