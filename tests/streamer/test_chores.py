"""Work in the background: what it raises is seen."""

from __future__ import annotations

import asyncio

import pytest

from streamer.chores import Chores


async def test_an_exception_is_logged_under_the_chores_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise ValueError("no such thing")

    chores = Chores()
    chores.start(fail(), "sweep")
    await asyncio.sleep(0.01)
    assert "chore_failed chore=sweep" in caplog.text
    assert "no such thing" in caplog.text
    await chores.stop()


async def test_a_chore_that_must_go_on_is_started_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.chores._RESTART_SECONDS", 0.0)
    runs = 0

    async def fail_twice() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError("not yet")

    chores = Chores()
    chores.keep_up(fail_twice, "stats")
    async with asyncio.timeout(60):
        while runs < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert runs == 3
    assert caplog.text.count("chore_failed chore=stats") == 2
    await chores.stop()


async def test_stopping_cancels_what_still_runs() -> None:
    chores = Chores()
    cancelled = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    chores.start(wait(), "wait")
    await asyncio.sleep(0)
    await chores.stop()
    assert cancelled.is_set()
