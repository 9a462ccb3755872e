"""``make docs``: writes the tables of settings and of the HTTP interface into the documents.

The tables come from the settings' structs and the OpenAPI document. A test fails if a table in a
document differs from the generated one.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import calls.settings
import configuration
import streamer.settings
from calls.http import openapi
from calls.http.problem_codes import CODES

ROOT = Path(__file__).parents[1]


def settings_table(rows: Iterable[configuration.Row]) -> str:
    """A Markdown table of settings."""
    lines = ["| setting | default | what it is |", "| --- | --- | --- |"]
    for row in rows:
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{row.variable}` | {default} | {row.description} |")
    return "\n".join(lines)


def routes_table() -> str:
    """A Markdown table of the routes: what each does, and how it answers."""
    lines = [
        "| request | what it does | roles, besides Admin | answers | problems |",
        "| --- | --- | --- | --- | --- |",
    ]
    for path, operations in openapi.document()["paths"].items():
        for method, operation in operations.items():
            statuses = [int(status) for status in operation["responses"]]
            answers = ", ".join(str(s) for s in statuses if s < HTTPStatus.BAD_REQUEST)
            problems = ", ".join(str(s) for s in statuses if s >= HTTPStatus.BAD_REQUEST)
            request = f"`{method.upper()} {path}`"
            lines.append(
                f"| {request} | {operation['summary']} | {_roles(operation)} | {answers} "
                f"| {problems} |"
            )
    return "\n".join(lines)


def _roles(operation: dict[str, Any]) -> str:
    """The roles that an operation asks for, besides Admin, which may do everything."""
    if "x-roles" not in operation:
        return "(anyone)"
    return ", ".join(role for role in operation["x-roles"] if role != "Admin")


def codes_table() -> str:
    """A Markdown table of the problems' codes."""
    lines = ["| code | status | what it means |", "| --- | --- | --- |"]
    lines += [
        f"| `{code}` | {meaning.status} | {meaning.text} |" for code, meaning in CODES.items()
    ]
    return "\n".join(lines)


def tables() -> dict[tuple[str, str], str]:
    """Each generated table by its document and its name there."""
    app = configuration.table(calls.settings.Settings, calls.settings.SPELLED)
    return {
        ("docs/settings.md", "function-app"): settings_table(app),
        ("docs/settings.md", "streamer"): settings_table(
            configuration.table(streamer.settings.Settings)
        ),
        ("docs/http-api.md", "routes"): routes_table(),
        ("docs/http-api.md", "codes"): codes_table(),
    }


def with_table(document: str, name: str, table: str) -> str:
    """The document with a table between its markers. Raises ValueError if it has no markers."""
    begin, end = f"<!-- {name}:begin -->\n", f"\n<!-- {name}:end -->"
    head, begin_marker, rest = document.partition(begin)
    _, end_marker, tail = rest.partition(end)
    if not begin_marker or not end_marker:
        raise ValueError(f"the markers {name}:begin and {name}:end are missing")
    return head + begin + table + end + tail


def main() -> None:
    """Write all tables."""
    for (path, name), table in tables().items():
        document = ROOT / path
        document.write_text(with_table(document.read_text(), name, table))
        print(f"{path}: {name}")


if __name__ == "__main__":
    main()
