"""The program: its commands, and how each one ends."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from callaudio.cli import (
    calls,
    deletion,
    deliveries,
    files,
    listing,
    login,
    service,
    tagging,
    watching,
)
from callaudio.cli.outcome import EXPECTED, Exit, describe, exit_code
from callaudio.cli.output import format_json
from callaudio.cli.render import clean
from callaudio.version import __version__

app = typer.Typer(
    name="callaudio",
    help="Place, find, hear and fetch recorded calls of Call Audio.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed, "
    "5 app unreachable, 6 wrong state, 7 timeout, 130 stopped.",
    no_args_is_help=True,
    # A traceback with the values of variables would show keys and phone numbers.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Calls": {
        "place": calls.place,
        "watch": watching.watch,
        "pause": calls.pause,
        "resume": calls.resume,
        "hangup": calls.hang_up,
    },
    "Results": {
        "list": listing.list_calls,
        "show": listing.show,
        "play": files.play,
        "fetch": files.fetch,
        "tag": tagging.tag,
        "note": tagging.note,
        "delete": deletion.delete,
    },
    "Service": {
        "doctor": service.doctor,
        "deliveries": deliveries.deliveries,
        "login": login.login,
        "logout": login.logout,
        "profiles": login.profiles,
    },
}
"""The commands by group, in the order of ``--help``."""


def main() -> None:
    """Run the program with the process's arguments."""
    app(prog_name="callaudio")


def _show_version(*, is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"callaudio {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            callback=lambda value: _show_version(is_asked=value),
            is_eager=True,
        ),
    ] = False,
) -> None:
    pass


def ending(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose expected errors are messages and exit codes."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except KeyboardInterrupt:
            raise typer.Exit(Exit.STOPPED) from None
        except BrokenPipeError:
            # The reader, such as `head`, has what it wants. Nothing is to be flushed at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.DONE) from None
        except EXPECTED as error:
            _report(error, is_json=options.get("is_json", False))
            raise typer.Exit(exit_code(error)) from None

    return run


def _report(error: Exception, *, is_json: bool) -> None:
    if is_json:
        sys.stderr.write(format_json(describe(error)))
    else:
        text = Text.assemble(("callaudio: ", "bold red"), clean(str(error)))
        Console(stderr=True, highlight=False).print(text, soft_wrap=True)


for _panel, _commands in COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_panel)(ending(_command))
