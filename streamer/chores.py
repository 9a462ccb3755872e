"""Work in the background whose exceptions are logged, and not lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from event_log import log_event

_log = logging.getLogger(__name__)
_RESTART_SECONDS = 5.0


class Chores:
    """Tasks of the event loop that nobody waits for."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run ``work``. If it raises, that is logged under its name."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def keep_up(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        """Run ``work``. If it raises, that is logged, and it is started again after a pause."""
        self.start(self._repeat(work, name), name)

    async def _repeat(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001  # logged, and started again
                log_event(_log, logging.ERROR, "chore_failed", exc_info=True, chore=name)
                await asyncio.sleep(_RESTART_SECONDS)
            else:
                return

    async def stop(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_event(_log, logging.ERROR, "chore_failed", exc_info=error, chore=task.get_name())
