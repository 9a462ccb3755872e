"""Profiles: adding one, removing one, listing them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from callaudio.cli.outcome import CommandError, Exit
from callaudio.cli.output import Output
from callaudio.cli.profiles import (
    LOCAL,
    Profile,
    local_file,
    read_profiles,
    remove_profile,
    save_profile,
)
from callaudio.cli.render import clean
from callaudio.cli.session import JsonOption, open_client

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name.")]


def login(
    name: NameArgument,
    url: Annotated[str, typer.Option(help="The app's address, https://...")],
    scope: Annotated[
        str | None,
        typer.Option(help="Sign in with Entra ID, for this scope: api://.../.default."),
    ] = None,
    *,
    is_json: JsonOption = False,
) -> None:
    """Add a profile: the key is asked for, checked, and stored in the system's keyring.

    Where standard input is not a terminal, the key is read from it.
    """
    if name == LOCAL:
        raise CommandError(f"{LOCAL} is the system that `make up` runs; it needs no login")
    key = None if scope else _read_key()
    profile = Profile(name, url, key, scope)
    with open_client(profile) as client:
        me = client.show_me()
    save_profile(profile)
    output = Output(is_json=is_json)
    document = {"profile": name, "url": url, "roles": me.roles}
    text = f"{clean(me.principal.name)} is signed in to {url} as {', '.join(me.roles)}"
    output.show(document, Text(text))


def logout(name: NameArgument, *, is_json: JsonOption = False) -> None:
    """Remove a profile and its key."""
    remove_profile(name)
    Output(is_json=is_json).show({"profile": name}, Text(f"removed the profile {name}"))


def profiles(*, is_json: JsonOption = False) -> None:
    """List the profiles; the default one has a star."""
    stored, output = read_profiles(), Output(is_json=is_json)
    rows = {name: document["url"] for name, document in stored.profiles.items()}
    if local_file().exists():
        rows[LOCAL] = "the running local system"
    default = stored.default or LOCAL
    if is_json:
        for name, url in rows.items():
            output.json({"profile": name, "url": url, "is_default": name == default})
        return
    table = Table.grid(padding=(0, 2))
    for name, url in rows.items():
        table.add_row("*" if name == default else "", Text(name, "bold"), Text(clean(url)))
    output.out.print(table if rows else Text("no profiles"))


def _read_key() -> str:
    """Return the key that a person or a program enters. Raises CommandError."""
    if sys.stdin.isatty():
        key: str = typer.prompt("Function key", hide_input=True, err=True)
    else:
        key = sys.stdin.readline()
    if not key.strip():
        raise CommandError("standard input has no key", Exit.USAGE)
    return key.strip()
