"""The host: one app's functions, indexed, and everything that triggers them."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from local.access_log import access_log_options
from local.host import admin, event_webhook
from local.host.blobs import WEBHOOK, BlobListener
from local.host.event_grid import BlobEventPublisher
from local.host.http import Keys, add_routes, limit_body, read_body_limit
from local.host.outputs import QueueOutputs
from local.host.queues import QueueListener, QueueOptions
from local.host.sign_in import SignIn
from local.host.timers import Timer
from local.host.worker import Function, IndexingError, index

_STORAGE = "AzureWebJobsStorage"
_SUPPORTED = ("httpTrigger", "blobTrigger", "queueTrigger", "timerTrigger", "eventGridTrigger")
_SUPPORTED_OUTPUT = "queue"
_STOP_SECONDS = 5.0
"""How long requests may go on at the end. Those that wait for events would go on for longer."""


class HostOptions(NamedTuple):
    """Where the host listens, how often it checks for new blobs, and when it retries one.

    ``sign_in``: a stand-in for App Service Authentication stands before the app.
    """

    host: str
    port: int
    poll_seconds: float
    retry_seconds: int
    sign_in: bool = False


class FunctionsHost:
    """Runs the app in ``app_dir``. A process can run one host only."""

    def __init__(self, app_dir: Path, keys: Keys, options: HostOptions) -> None:
        self._app_dir = app_dir
        self._keys = keys
        self._options = options
        self._runner: web.AppRunner | None = None
        self._blobs: BlobListener
        self._events: BlobEventPublisher
        self._outputs: QueueOutputs
        self._queues: list[QueueListener] = []
        self._timers: list[Timer] = []
        self.functions: list[Function] = []
        self.address = ""

    async def start(self) -> None:
        """Index the app, listen, and watch its triggers. Raises IndexingError, OSError."""
        started_at = datetime.now(UTC)
        host_json = json.loads((self._app_dir / "host.json").read_text())
        functions = await index(self._app_dir)
        require_supported(functions)
        extensions = host_json.get("extensions", {})
        connection = os.environ[_STORAGE]
        queue_options = QueueOptions.from_host_json(extensions.get("queues", {}))
        self._outputs = QueueOutputs(connection, queue_options, self._wake_queue)
        self.functions = [f._replace(deliver=self._outputs.deliver) for f in functions]
        self._blobs = BlobListener(
            self.functions,
            connection,
            key=self._keys.blobs_extension,
            parallelism=extensions.get("blobs", {}).get("maxDegreeOfParallelism", 8),
            threshold=extensions.get("blobs", {}).get("poisonBlobThreshold", 5),
            retry_seconds=self._options.retry_seconds,
            notify=self._wake_queue,
        )
        prefix = extensions.get("http", {}).get("routePrefix", "api")
        await self._listen(prefix)
        self._events = BlobEventPublisher(
            self.functions,
            connection,
            self.address,
            self._keys.blobs_extension,
            self._options.poll_seconds,
            started_at,
        )
        self._queues = [
            QueueListener(function, connection, queue_options, self._wake_queue)
            for function in self.functions
            if function.kind == "queueTrigger"
        ]
        self._timers = [Timer(f) for f in self.functions if f.kind == "timerTrigger"]
        await self._blobs.start()
        for queue in self._queues:
            await queue.start()
        for timer in self._timers:
            await timer.start()
        await self._events.start()

    async def stop(self) -> None:
        """Stop listening; let running functions finish."""
        await self._events.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._blobs.stop()
        for timer in self._timers:
            await timer.stop()
        await asyncio.gather(*(queue.stop() for queue in self._queues))
        await self._outputs.close()

    def _wake_queue(self, queue_name: str) -> None:
        """Let the listeners of a queue look for messages now."""
        for queue in self._queues:
            if queue.queue_name == queue_name:
                queue.wake()

    async def _listen(self, prefix: str) -> None:
        application = web.Application(
            client_max_size=read_body_limit(os.environ), middlewares=[limit_body]
        )
        sign_in = SignIn() if self._options.sign_in else None
        if sign_in is not None:
            sign_in.add_routes(application)
        add_routes(application, self.functions, prefix, self._keys, sign_in)
        application.router.add_post(WEBHOOK, self._blobs.webhook)
        event_webhook.add_route(application, self.functions, self._keys)
        admin.add_routes(application, self.functions, self._blobs, self._keys)
        self._runner = web.AppRunner(
            application, shutdown_timeout=_STOP_SECONDS, **access_log_options()
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self._options.host, self._options.port).start()
        port: Any = self._runner.addresses[0][1]
        self.address = f"http://{self._options.host}:{port}"


def require_supported(functions: list[Function]) -> None:
    """Check that the host supports every function's bindings. Raises IndexingError."""
    for function in functions:
        if function.kind not in _SUPPORTED:
            raise IndexingError(
                f"{function.name}: the local host does not support {function.kind}, only "
                f"{', '.join(_SUPPORTED)}. Run the app with `func start` instead."
            )
        for output in function.outputs.values():
            if output["type"] != _SUPPORTED_OUTPUT:
                raise IndexingError(
                    f"{function.name}: the local host does not support the output "
                    f"{output['type']}, only {_SUPPORTED_OUTPUT}. Run the app with `func start` "
                    "instead."
                )
