"""Tags and notes."""

from __future__ import annotations

import httpx

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import call_details


def change(cli: Program, **members: object) -> None:
    cli.answers[f"PATCH /calls/{ID}"] = httpx.Response(
        200, json=call_details(call_connection_id=ID, **members)
    )


def test_tags_are_added_and_removed(cli: Program) -> None:
    cli.show(tags=["a", "b"])
    change(cli, tags=["b", "c"])
    assert cli.run("tag", "last", "c", "b", "--remove", "a").stdout == "b, c\n"
    assert cli.body() == {"tags": ["b", "c"]}
    assert cli.requests[-1].method == "PATCH"


def test_tags_that_are_as_wanted_are_not_written(cli: Program) -> None:
    cli.show(tags=["a"])
    assert cli.documents("tag", ID, "a") == [{"call_connection_id": ID, "tags": ["a"]}]
    assert [request.method for request in cli.requests] == ["GET"]
    cli.show(tags=[])
    assert cli.run("tag", ID).stdout == "no tags\n"


def test_notes_are_written_shown_and_removed(cli: Program) -> None:
    cli.show(notes="old\x1b[2J")
    assert cli.run("note", ID).stdout == "old�[2J\n"
    change(cli, notes="new")
    assert cli.run("note", ID, "new").stdout == "new\n"
    assert cli.body() == {"notes": "new"}
    change(cli, notes=None)
    assert cli.run("note", ID, "--clear").stdout == "no notes on the call 401f2980\n"
    assert cli.body() == {"notes": None}
    assert cli.run("note", ID, "new", "--clear").exit_code == 2
