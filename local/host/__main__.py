"""``python -m local.host``: run the function app in this folder, as ``func start`` does."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from local.host import event_webhook, timers
from local.host.blobs import WEBHOOK, BlobListener
from local.host.event_grid import EventGrid
from local.host.http import MAX_BODY_BYTES, Keys, WithoutHeads, add_routes
from local.host.queues import QueueListener
from local.host.timers import Timer
from local.host.worker import Function, IndexingError, InvocationError, index

_STORAGE = "AzureWebJobsStorage"
_SUPPORTED = ("httpTrigger", "blobTrigger", "queueTrigger", "timerTrigger", "eventGridTrigger")


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns 1 when the app or the port cannot be had."""
    options = _options()
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for noisy in ("azure", "azure_functions_runtime", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(WithoutHeads())
    try:
        return asyncio.run(_run(options))
    except IndexingError as error:
        print(f"the app cannot be indexed:\n{error}", file=sys.stderr)
    except OSError as error:
        print(f"cannot start: {error}", file=sys.stderr)
    return 1


async def _run(options: argparse.Namespace) -> int:
    app_dir = Path(options.app_dir).resolve()
    host_json = json.loads((app_dir / "host.json").read_text())
    _apply_local_settings(app_dir)
    functions = await index(app_dir)
    _refuse_unsupported(functions)
    keys = Keys(
        options.function_key or os.environ.get("FUNCTION_KEY") or secrets.token_urlsafe(32),
        options.master_key or os.environ.get("MASTER_KEY") or secrets.token_urlsafe(32),
        secrets.token_urlsafe(32),
        os.environ.get("EVENT_GRID_KEY") or secrets.token_urlsafe(32),
    )
    extensions = host_json.get("extensions", {})
    connection = os.environ[_STORAGE]
    listener = BlobListener(
        functions,
        connection,
        key=keys.blobs_extension,
        parallelism=extensions.get("blobs", {}).get("maxDegreeOfParallelism", 8),
        threshold=extensions.get("blobs", {}).get("poisonBlobThreshold", 5),
        retry_seconds=options.retry_seconds,
    )
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    add_routes(application, functions, extensions.get("http", {}).get("routePrefix", "api"), keys)
    application.router.add_post(WEBHOOK, listener.webhook)
    event_webhook.add_route(application, functions, keys)
    _add_admin(application, functions, listener, keys)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    address = f"http://{options.host}:{runner.addresses[0][1]}"
    grid = EventGrid(functions, connection, address, keys.blobs_extension, options.poll_seconds)
    others: list[QueueListener | Timer] = [
        QueueListener(function, connection)
        for function in functions
        if function.kind == "queueTrigger"
    ]
    others += [Timer(function) for function in functions if function.kind == "timerTrigger"]
    await listener.start(application)
    for other in others:
        await other.start()
    await grid.start()
    _announce(functions, address, keys, as_json=options.json)

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await grid.stop()
    await runner.cleanup()
    await listener.stop()
    for other in others:
        await other.stop()
    return 0


def _apply_local_settings(app_dir: Path) -> None:
    """``local.settings.json``, as ``func start`` reads it; the environment goes before it."""
    path = app_dir / "local.settings.json"
    if path.exists():
        for name, value in json.loads(path.read_text()).get("Values", {}).items():
            os.environ.setdefault(name, str(value))


def _refuse_unsupported(functions: list[Function]) -> None:
    for function in functions:
        if function.kind not in _SUPPORTED:
            raise IndexingError(
                f"{function.name}: this host has no {function.kind}; "
                f"it has {', '.join(_SUPPORTED)}: use `func start`"
            )


def _add_admin(
    application: web.Application, functions: list[Function], listener: BlobListener, keys: Keys
) -> None:
    by_name = {function.name: function for function in functions}

    async def ping(_: web.Request) -> web.Response:
        return web.Response()

    async def show(request: web.Request) -> web.Response:
        if not keys.open(request, "admin"):
            return web.Response(status=401)
        shown: list[dict[str, Any]] = [
            {"name": f.name, "config": {"bindings": [f.trigger]}} for f in functions
        ]
        return web.json_response(shown)

    async def run(request: web.Request) -> web.Response:
        if not keys.open(request, "admin"):
            return web.Response(status=401)
        function = by_name.get(request.match_info["name"])
        if function is None or function.kind not in ("blobTrigger", "timerTrigger"):
            return web.Response(status=404)
        try:
            if function.kind == "timerTrigger":
                await timers.run(function)
            else:
                await listener.run(function, (await request.json())["input"])
        except (InvocationError, KeyError, ValueError) as error:
            return web.Response(status=500, text=str(error))
        return web.Response(status=202)

    application.router.add_get("/admin/host/ping", ping)
    application.router.add_get("/admin/functions", show)
    application.router.add_post("/admin/functions/{name}", run)


def _announce(functions: list[Function], address: str, keys: Keys, *, as_json: bool) -> None:
    if as_json:
        ready = {"url": address, "function_key": keys.function, "master_key": keys.master}
        print(json.dumps(ready), flush=True)
        return
    print("Functions:", flush=True)
    for function in functions:
        where = function.trigger.get("route") or function.trigger.get("path") or ""
        where = where or function.trigger.get("queueName") or function.trigger.get("schedule", "")
        print(f"  {function.name}: [{function.kind}] {where}", flush=True)
    print(f"listening on {address}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--app-dir", default=".", help="the folder of function_app.py")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one")
    parser.add_argument("--function-key", help="default: FUNCTION_KEY, else a new one")
    parser.add_argument("--master-key", help="default: MASTER_KEY, else a new one")
    parser.add_argument("--json", action="store_true", help="one line of JSON when ready")
    parser.add_argument(
        "--poll-seconds", type=float, default=0.25, help="how often new blobs are looked for"
    )
    parser.add_argument(
        "--retry-seconds", type=int, default=2, help="until a failed blob is tried again"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
