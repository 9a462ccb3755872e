"""The command line of the index: what it prints, and its exit codes."""

from __future__ import annotations

import asyncio

import pytest

from calls import blobs
from calls.index.command import main
from calls.storage import Storage
from tests.calls.index.sample_calls import write


async def run(storage: str, action: str) -> int:
    return await asyncio.to_thread(main, [action], {"AudioStorage": storage})


async def test_check_names_what_differs_and_rebuild_repairs_it(
    storage: str, own_storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = [await write(own_storage, number) for number in range(2)]
    assert await run(storage, "check") == 0
    assert capsys.readouterr().out == "0 calls differ\n"
    for log in await own_storage.blob_names(blobs.INDEX, blobs.LOG_PREFIX):
        await own_storage.delete(blobs.INDEX, log)
    assert await run(storage, "check") == 1
    assert capsys.readouterr().out == f"2 calls differ\n  {calls[0]}\n  {calls[1]}\n"
    assert await run(storage, "rebuild") == 0
    assert capsys.readouterr().out == "rebuilt: 2 calls\n"
    assert await run(storage, "check") == 0


@pytest.mark.parametrize(
    "environment",
    [{}, {"AudioStorage": "x", "AudioStorage__blobServiceUri": "https://x.example"}],
)
def test_one_storage_must_be_set(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"], environment) == 2
    assert "set one of" in capsys.readouterr().err


def test_a_storage_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("nonsense", CLOSED):
        assert main(["rebuild"], {"AudioStorage": text}) == 2
        assert capsys.readouterr().err.startswith("the index was not rebuilt: ")


CLOSED = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=AAAA;BlobEndpoint=http://127.0.0.1:9/a;"
)


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["destroy"], {})
