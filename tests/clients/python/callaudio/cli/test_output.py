"""Where output goes, and how wide it is."""

from __future__ import annotations

import json
import unicodedata

import pytest
from callaudio.cli.output import Output, format_json


def test_documents_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(is_json=True)
    output.show({"name": "Zoë\x1b"}, "text")
    output.note("to people only")
    out, err = capsys.readouterr()
    assert (json.loads(out), out.count("\n"), err) == ({"name": "Zoë\x1b"}, 1, "")
    assert "\x1b" not in out


def test_json_has_no_character_that_a_terminal_obeys_and_means_the_same() -> None:
    name = "".join(map(chr, range(0x300))) + "\u061c\u200f\u2028\u202e\u2067\ud800 Zoë 請求書 👋"
    line = format_json({"name": name})
    assert json.loads(line) == {"name": name}
    kinds = {unicodedata.category(character) for character in line.removesuffix("\n")}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not set("\u061c\u200f\u202e\u2067") & set(line)
    assert "Zoë 請求書 👋" in line
    line.encode()


def test_people_get_text_and_notes_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.show({}, "x" * 300)
    output.note("a note")
    assert capsys.readouterr() == ("x" * 300 + "\n", "a note\n")


def test_a_file_gets_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    Output().show({}, "[red]red[/red]")
    assert capsys.readouterr().out == "red\n"
