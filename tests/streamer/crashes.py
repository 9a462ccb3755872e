"""Kills and full disks for tests of the spool: every system call may be the process's last."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest


class Killed(BaseException):
    """Raised by every system call of a process that was killed."""


class SystemCalls:
    """Counts the system calls that change a folder, and can fail or kill at each of them.

    Calls on other paths are let through: hypothesis itself writes to ``.hypothesis`` at any time.

    Attributes:
        is_killed: Whether the process is dead. Every further call raises Killed.
        disk_is_full: Whether calls that need room fail. Overwriting needs none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.is_killed = False
        self.disk_is_full = False
        self._is_paused = False
        self._calls_left: int | None = None
        self._patch = pytest.MonkeyPatch()
        for name in ("rename", "ftruncate", "unlink", "rmdir", "mkdir", "open", "pwrite"):
            self._patch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def kill_after(self, calls: int) -> None:
        """Kill the process at a system call; a write may get half of its bytes done."""
        self._calls_left = calls

    def restart(self) -> None:
        """Begin the life of another process."""
        self.is_killed = False
        self._calls_left = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let the test itself make calls."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def close(self) -> None:
        """Give the system its calls back."""
        self._patch.undo()

    def _wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if self._is_paused or not self._is_counted(name, arguments):
                return call(*arguments, **options)
            if self._is_last_call():
                if name == "pwrite":
                    descriptor, content, offset = arguments
                    call(descriptor, bytes(content)[: len(content) // 2], offset)
                raise Killed
            if self.disk_is_full and self._needs_room(name, arguments):
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*arguments, **options)

        return wrapped

    def _is_counted(self, name: str, arguments: tuple[Any, ...]) -> bool:
        if name in {"pwrite", "ftruncate"}:  # They take a descriptor; nothing else here calls them.
            return True
        if name == "open" and not arguments[1] & os.O_CREAT:
            return False
        return Path(arguments[0]).is_relative_to(self._folder)

    def _is_last_call(self) -> bool:
        if self.is_killed:
            raise Killed
        if self._calls_left is None:
            return False
        self._calls_left -= 1
        self.is_killed = self._calls_left < 0
        return self.is_killed

    def _needs_room(self, name: str, arguments: tuple[Any, ...]) -> bool:
        if name == "pwrite":
            descriptor, content, offset = arguments
            return bool(offset + len(content) > os.fstat(descriptor).st_size)
        if name == "ftruncate":
            descriptor, size = arguments
            return bool(size > os.fstat(descriptor).st_size)
        return name == "mkdir" or (name == "open" and not os.path.exists(arguments[0]))


class InlineExecutor(Executor):
    """Runs work at once, on the caller's thread, so that a test's order of events is its own."""

    def submit[T](self, work: Callable[..., T], /, *arguments: Any, **options: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(work(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)
        return future
