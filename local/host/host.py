"""The host: one app's functions, indexed, and everything that triggers them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from local.host import admin, event_webhook
from local.host.blobs import WEBHOOK, BlobListener
from local.host.event_grid import BlobEventPublisher
from local.host.http import MAX_BODY_BYTES, Keys, add_routes
from local.host.queues import QueueListener
from local.host.timers import Timer
from local.host.worker import Function, IndexingError, index

_STORAGE = "AzureWebJobsStorage"
_SUPPORTED = ("httpTrigger", "blobTrigger", "queueTrigger", "timerTrigger", "eventGridTrigger")


class HostOptions(NamedTuple):
    """Where the host listens, how often it checks for new blobs, and when it retries one."""

    host: str
    port: int
    poll_seconds: float
    retry_seconds: int


class FunctionsHost:
    """Runs the app in ``app_dir``. A process can run one host only."""

    def __init__(self, app_dir: Path, keys: Keys, options: HostOptions) -> None:
        self._app_dir = app_dir
        self._keys = keys
        self._options = options
        self._runner: web.AppRunner | None = None
        self._blobs: BlobListener
        self._events: BlobEventPublisher
        self._others: list[QueueListener | Timer] = []
        self.functions: list[Function] = []
        self.address = ""

    async def start(self) -> None:
        """Index the app, listen, and watch its triggers. Raises IndexingError, OSError."""
        host_json = json.loads((self._app_dir / "host.json").read_text())
        self.functions = await index(self._app_dir)
        require_supported(self.functions)
        extensions = host_json.get("extensions", {})
        connection = os.environ[_STORAGE]
        self._blobs = BlobListener(
            self.functions,
            connection,
            key=self._keys.blobs_extension,
            parallelism=extensions.get("blobs", {}).get("maxDegreeOfParallelism", 8),
            threshold=extensions.get("blobs", {}).get("poisonBlobThreshold", 5),
            retry_seconds=self._options.retry_seconds,
        )
        prefix = extensions.get("http", {}).get("routePrefix", "api")
        await self._listen(prefix)
        self._events = BlobEventPublisher(
            self.functions,
            connection,
            self.address,
            self._keys.blobs_extension,
            self._options.poll_seconds,
        )
        self._others = [
            QueueListener(function, connection)
            for function in self.functions
            if function.kind == "queueTrigger"
        ]
        self._others += [Timer(f) for f in self.functions if f.kind == "timerTrigger"]
        await self._blobs.start()
        for other in self._others:
            await other.start()
        await self._events.start()

    async def stop(self) -> None:
        """Stop listening; let running functions finish."""
        await self._events.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._blobs.stop()
        for other in self._others:
            await other.stop()

    async def _listen(self, prefix: str) -> None:
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        add_routes(application, self.functions, prefix, self._keys)
        application.router.add_post(WEBHOOK, self._blobs.webhook)
        event_webhook.add_route(application, self.functions, self._keys)
        admin.add_routes(application, self.functions, self._blobs, self._keys)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._options.host, self._options.port).start()
        port: Any = self._runner.addresses[0][1]
        self.address = f"http://{self._options.host}:{port}"


def require_supported(functions: list[Function]) -> None:
    """Check that the host supports every function's trigger. Raises IndexingError."""
    for function in functions:
        if function.kind not in _SUPPORTED:
            raise IndexingError(
                f"{function.name}: the local host does not support {function.kind}, only "
                f"{', '.join(_SUPPORTED)}. Run the app with `func start` instead."
            )
