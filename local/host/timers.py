"""Timer triggers: NCRONTAB schedules of six fields, seconds first."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

from azure_functions_runtime.bindings.datumdef import Datum
from croniter import croniter

from local.host.worker import Function, InvocationError, invoke, log_failure


class Timer:
    """Runs one function by its schedule, never twice at the same time."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._schedule = str(function.trigger["schedule"])
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Wait for the schedule. Raises ValueError for an invalid one."""
        next_time(self._schedule, datetime.now(UTC))
        self._task = asyncio.create_task(self._wait())

    async def stop(self) -> None:
        """Stop waiting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _wait(self) -> None:
        while True:
            now = datetime.now(UTC)
            await asyncio.sleep((next_time(self._schedule, now) - now).total_seconds())
            try:
                await run(self._function)
            except InvocationError as error:
                log_failure(self._function, error)


async def run(function: Function) -> None:
    """Run a timer's function now. Raises InvocationError."""
    request = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
    await invoke(function, Datum(json.dumps(request), "json"))


def next_time(schedule: str, now: datetime) -> datetime:
    """Return a schedule's next time after ``now``. Raises ValueError for an invalid one."""
    moment: datetime = croniter(schedule, now, second_at_beginning=True).get_next(datetime)
    return moment
