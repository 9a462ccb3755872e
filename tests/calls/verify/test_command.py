"""The command, as it is run: its output and its exit codes."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from azure.core.exceptions import ServiceRequestError

from calls.verify import command
from calls.verify.command import CANNOT_CHECK, NOT_PROVEN, PROVEN, main
from contract import names
from tests.calls.sample_streams import SampleStream, new_call_id, noise
from tests.calls.verify.evidence import Evidence

UNREACHABLE = "AccountName=account;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/account"


async def run(call: str, environment: dict[str, str]) -> int:
    """Run the command on a thread: it has an event loop of its own."""
    return await asyncio.to_thread(main, [call], environment)


async def test_a_proof_and_its_exit_codes(
    evidence: Evidence, storage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = SampleStream(new_call_id(), {None: noise(1600)})
    await evidence.uploader.assemble(stream)
    assert await run(stream.call, {"AudioStorage": storage}) == PROVEN == 0
    assert capsys.readouterr().out.endswith("proven: the recording is what was streamed\n")
    (blob,) = stream.files
    await evidence.flip(names.SEGMENTS, blob, 44)
    assert await run(stream.call, {"AudioStorage": storage}) == NOT_PROVEN == 1
    output = capsys.readouterr().out
    assert f"DIFFERS: segments/{blob} has the SHA-256" in output
    assert output.endswith("not proven: 1 difference\n")
    assert await run(new_call_id(), {"AudioStorage": storage}) == CANNOT_CHECK == 2
    assert "has no result" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "environment", "message"),
    [
        ("../other", {"AudioStorage": UNREACHABLE}, "'../other' is not a call connection id"),
        ("call", {}, "set one of AudioStorage__blobServiceUri and AudioStorage"),
        ("call", {"AudioStorage": UNREACHABLE}, "Blob Storage does not answer: "),
        ("call", {"AudioStorage": "nonsense"}, "the address of Blob Storage is wrong: "),
    ],
)
async def test_what_keeps_it_from_checking(
    call: str, environment: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(call, environment) == CANNOT_CHECK
    captured = capsys.readouterr()
    assert captured.err.startswith(f"cannot check: {message}")
    assert captured.out == ""


async def test_without_a_connection_string_one_signs_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def verify_call(*_: object) -> None:
        raise ServiceRequestError("signed in, and got here")

    monkeypatch.setattr(command, "verify_call", verify_call)
    uri = {"AudioStorage__blobServiceUri": "https://account.blob.core.windows.net"}
    assert await run("call", uri) == CANNOT_CHECK
    assert "signed in, and got here" in capsys.readouterr().err


def test_the_help_has_the_settings_and_the_exit_codes() -> None:
    output = subprocess.run(
        [sys.executable, "-m", "calls.verify", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for text in ("CALL", "AudioStorage__blobServiceUri", "exit codes", "2  cannot check"):
        assert text in output
