"""What the Python client is generated from; test_drift compares the results."""

from __future__ import annotations

import copy

import pytest

from calls.http.openapi import document
from clients import generate


def test_the_document_is_reduced_to_what_the_client_needs() -> None:
    before = copy.deepcopy(document())
    reduced = generate.for_python(document())
    assert document() == before, "a copy is reduced"
    ids = {o["operationId"]: o for item in reduced["paths"].values() for o in item.values()}
    assert "place_call" in ids
    assert not {"receive_callbacks", "show_console", "show_openapi", "head_recording"} & ids.keys()
    for operation in ids.values():
        assert all(status.startswith("2") for status in operation["responses"])
        assert "If-None-Match" not in [p["name"] for p in operation["parameters"]]
    content = ids["show_transcript_as"]["responses"]["200"]["content"]
    assert "application/json" not in content


def test_a_generator_that_fails_says_why() -> None:
    with pytest.raises(generate.GeneratorError, match=r"ls failed:\n.*no-such-file"):
        generate._run(["ls", "no-such-file"])
