"""Listing calls and showing one."""

from __future__ import annotations

import httpx

from tests.clients.python.callaudio.cli.conftest import ID, Program
from tests.clients.python.callaudio.documents import call_details, example


def test_filters_become_parameters(cli: Program) -> None:
    filters = ["--participant", "+15551230000", "--since", "2026-03-01T00:00+00:00"]
    filters += ["--until", "2026-03-02T00:00+00:00", "--state", "disconnected"]
    filters += ["--result-state", "final", "--direction", "incoming", "--tag", "a", "--tag", "b"]
    filters += ["--min-duration", "60", "-q", "loose contact", "--sort", "-duration", "-n", "5"]
    assert cli.run("list", *filters).exit_code == 0
    parameters = cli.requests[0].url.params
    assert parameters.get_list("tag") == ["a", "b"]
    assert {name: value for name, value in parameters.items() if name != "tag"} == {
        "participant": "+15551230000",
        "from": "2026-03-01T00:00:00+00:00",
        "until": "2026-03-02T00:00:00+00:00",
        "state": "disconnected",
        "result_state": "final",
        "direction": "incoming",
        "min_duration": "60",
        "q": "loose contact",
        "sort": "-duration",
        "limit": "5",
    }


def test_a_list_ends_at_its_limit_or_with_all_pages(cli: Program) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        cursor = int(request.url.params.get("cursor", "0"))
        calls = [call_details(call_connection_id=f"c{cursor}-{i}") for i in range(2)]
        following = str(cursor + 1) if cursor < 3 else None
        return httpx.Response(200, json={"calls": calls, "cursor": following})

    cli.answers["GET /calls"] = page
    ids = [c["call_connection_id"] for c in cli.documents("list", "-n", "3")]
    assert ids == ["c0-0", "c0-1", "c1-0"]
    assert len(cli.documents("list", "--all")) == 8


def test_people_see_a_table_that_is_not_cut_for_a_pipe(cli: Program) -> None:
    tags = [f"tag-{number}" for number in range(20)]
    cli.calls = [call_details(call_connection_id=ID, tags=tags)]
    lines = cli.run("list").stdout.splitlines()
    assert lines[0].split()[-3:] == ["LENGTH", "RESULT", "TAGS"]
    assert lines[1].startswith("401f2980  ")
    assert lines[1].rstrip().endswith(", ".join(tags))


def test_a_search_shows_what_was_said(cli: Program) -> None:
    text = "The test shows a loose contact\x07."
    match = example("Match") | {"start_ms": 83_000, "name": None, "text": text}
    match |= {"participant": "4:+15559990000", "ranges": [[17, 22], [23, 30]]}
    cli.calls = [call_details(call_connection_id=ID, matches=[match])]
    first, second = cli.run("list", "-q", "loose contact").stdout.splitlines()
    assert first.startswith("401f2980  ")
    assert second == "   1:23  +15559990000  The test shows a loose contact�."


def test_no_calls_is_no_table(cli: Program) -> None:
    cli.calls = []
    result = cli.run("list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no calls\n")


def test_a_call_and_its_transcript_are_shown(cli: Program) -> None:
    cli.show(state="disconnected", result_state="final", notes="first\nsecond", tags=["vip"])
    shown = cli.run("show", "last").stdout
    assert [line.split()[0] for line in shown.splitlines()][:2] == ["call", "state"]
    assert "second" in shown
    utterance = example("Utterance") | {"name": "Robin\x1b[31m", "text": "Hello."}
    utterance |= {"start_ms": 61_000, "end_ms": 62_000}
    transcript = example("Transcript") | {"state": "complete", "utterances": [utterance]}
    cli.answers[f"GET /calls/{ID}/transcript"] = httpx.Response(200, json=transcript)
    assert cli.run("show", "last", "-t").stdout == "   1:01  Robin�[31m  Hello.\n"
    transcript |= {"state": "failed", "error": "no engine"}
    cli.answers[f"GET /calls/{ID}/transcript"] = httpx.Response(200, json=transcript)
    assert cli.run("show", "last", "-t").stdout == "the transcript is failed: no engine\n"
    assert cli.documents("show", "last", "-t")[0]["error"] == "no engine"
