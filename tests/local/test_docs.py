"""docs/local.md is complete and correct: options, faults, control interface and commands."""

from __future__ import annotations

import argparse
import json
import re
import typing
from pathlib import Path

import aiohttp
import msgspec
import pytest

import streamer.settings
from local import __main__ as command_line
from local import azurite, up
from local.emulator import control_api
from local.emulator.faults import Faults, TokenFault
from local.emulator.server import EmulatorServer, EmulatorSettings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "local.md").read_text()


def section(heading: str) -> str:
    """The text under a heading, up to the next one of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    _, _, rest = DOCUMENT.partition(f"\n{heading}\n")
    assert rest, heading
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def shell_block(containing: str) -> str:
    (block,) = [b for b in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL) if containing in b]
    return str(block)


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in ``text``, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0].startswith("`")]


def options(parser: argparse.ArgumentParser) -> list[str]:
    names = []
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            metavar = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
            metavar += " ..." if action.nargs == "+" else ""
            names.append(f"`{action.option_strings[0]}{metavar}`")
    return names


def subcommands() -> dict[str, argparse.ArgumentParser]:
    (action,) = [
        action
        for action in command_line.create_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(action.choices)


@pytest.mark.parametrize("name", subcommands())
def test_every_option_of_a_command_has_its_row(name: str) -> None:
    table = rows(section(f"### `python -m local {name}`"))
    assert [row[0] for row in table] == options(subcommands()[name])


def test_every_option_of_azurite_has_its_row() -> None:
    assert [row[0] for row in rows(section("## Azurite"))] == options(azurite.create_parser())


def test_the_default_speeds_and_ports_are_right() -> None:
    for name, parser in subcommands().items():
        speed = parser.get_default("speed")
        assert f"(default: {speed:g})" in section(f"### `python -m local {name}`")
    text = section("### `python -m local up`")
    for port in {*up.USUAL_PORTS.values(), *azurite.USUAL_PORTS.values()}:
        assert re.search(rf"\b{port}\b", text), port


def default_of(field: msgspec.structs.FieldInfo) -> object:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    assert callable(field.default_factory)
    return field.default_factory()


def fault_rows() -> list[list[str]]:
    """A row for each fault: name, default, description."""
    hints = typing.get_type_hints(Faults, include_extras=True)
    return [
        [
            f"`{field.name}`",
            f"`{json.dumps(default_of(field))}`",
            next(
                meta.description
                for meta in hints[field.name].__metadata__
                if isinstance(meta, msgspec.Meta) and meta.description
            ),
        ]
        for field in msgspec.structs.fields(Faults)
    ]


def test_every_fault_has_its_row() -> None:
    table = rows(section("### Faults"))
    expected = fault_rows()
    assert table[: len(expected)] == expected
    assert [row[0] for row in table[len(expected) :]] == [
        f"`{fault}`" for fault in typing.get_args(TokenFault)
    ]


def test_the_examples_of_faults_are_valid() -> None:
    bodies = re.findall(r"\| `(\{[^|]*\})` \|$", section("### Faults"), re.MULTILINE)
    assert len(bodies) > 10
    for body in bodies:
        faults = msgspec.json.decode(body, type=Faults)
        assert faults != Faults(), body


def test_every_request_of_the_control_interface_has_its_row() -> None:
    source = Path(control_api.__file__).read_text()
    routes = re.findall(r"add_(get|post)\(\"([^\"]+)\"", source)
    table = {row[0] for row in rows(section("### Control interface"))}
    assert table == {f"`{method.upper()} {path}`" for method, path in routes}


def test_the_requests_to_the_emulator_work_as_written() -> None:
    for body in re.findall(r"/emulator/faults -d '(.*)'", DOCUMENT):
        msgspec.json.decode(body, type=Faults)
    assert "POST http://127.0.0.1:8090/emulator/tokens" in DOCUMENT


@pytest.mark.parametrize(("path", "body"), re.findall(r"8090(/emulator/\w+) -d '(.*)'", DOCUMENT))
async def test_its_curl_lines_are_accepted(path: str, body: str) -> None:
    settings = EmulatorSettings(
        "AAAA", "resource", port=0, incoming_webhook="http://127.0.0.1:9/", redelivery_seconds=60
    )
    emulator = EmulatorServer(settings)
    await emulator.start()
    async with (
        aiohttp.ClientSession(emulator.endpoint) as session,
        session.post(path, data=body) as response,
    ):
        assert response.status in (200, 201), await response.text()
    await emulator.stop()


def test_the_commands_for_core_tools_use_the_local_parts() -> None:
    block = shell_block("func start")
    example = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    environment = dict(re.findall(r"^ *([A-Z_]+)=(\S+) \\$", block, re.MULTILINE))
    settings = streamer.settings.load(environment)
    assert settings.audio_storage_connection_string == example["AudioStorage"]
    assert settings.acs_token_audience == example["ACS_TOKEN_AUDIENCE"] == up.ACS_RESOURCE_ID
    assert settings.acs_token_jwks_url == example["ACS_TOKEN_JWKS_URL"]
    assert example["STREAMER_URL"] == f"ws://{settings.host}:{settings.port}"
    assert example["ACS_ENDPOINT"] == f"http://127.0.0.1:{EmulatorSettings('', '').port}"
    azurite.create_parser().parse_args(["--data-dir", ".local"])
    assert "python -m local.azurite --data-dir .local\n" in block
    # The SDKs' version of the service's interface is newer than Azurite's.
    assert "--skipApiVersionCheck" in section("## Azurite")
