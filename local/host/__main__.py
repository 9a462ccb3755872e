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

from calls.function_keys import key_digest
from calls.principals import ROLES
from local.host.host import FunctionsHost, HostOptions
from local.host.http import HideMalformedRequests, Keys
from local.host.worker import Function, IndexingError

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns 1 when the app or the port is not available."""
    options = _parse_options()
    if options.sign_in and options.host not in _LOOPBACK:
        print("host: --sign-in asks for no password: listen on 127.0.0.1 only", file=sys.stderr)
        return 1
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for name in ("azure", "azure_functions_runtime", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(HideMalformedRequests())
    try:
        return asyncio.run(_run(options))
    except IndexingError as error:
        print(f"host: cannot index the app:\n{error}", file=sys.stderr)
    except OSError as error:
        print(f"host: cannot start: {error}", file=sys.stderr)
    return 1


async def _run(options: argparse.Namespace) -> int:
    app_dir = Path(options.app_dir).resolve()
    _apply_local_settings(app_dir)
    keys = Keys(
        options.function_key or os.environ.get("FUNCTION_KEY") or secrets.token_urlsafe(32),
        options.master_key or os.environ.get("MASTER_KEY") or secrets.token_urlsafe(32),
        secrets.token_urlsafe(32),
        os.environ.get("EVENT_GRID_KEY") or secrets.token_urlsafe(32),
        _named_keys(),
    )
    _name_keys(keys)
    if options.sign_in:
        # As App Service says it, and as the template sets it with sign-in.
        os.environ |= {"WEBSITE_AUTH_ENABLED": "True", "AUTHENTICATION": "entra"}
    host = FunctionsHost(
        app_dir,
        keys,
        HostOptions(
            options.host,
            options.port,
            options.poll_seconds,
            options.retry_seconds,
            options.sign_in,
        ),
    )
    await host.start()
    _announce(host.functions, host.address, keys, as_json=options.json)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await host.stop()
    return 0


def _named_keys() -> dict[str, str]:
    """Return a key for each role, FUNCTION_KEY_CALLER and so on; Admin has the function key."""
    return {
        role: os.environ.get(f"FUNCTION_KEY_{role.upper()}") or secrets.token_urlsafe(32)
        for role in ROLES
        if role != "Admin"
    }


def _name_keys(keys: Keys) -> None:
    """Set FUNCTION_KEYS, which names the keys, unless it is set already."""
    named = {"Admin": keys.function, **keys.named}
    entries = (f"{name}={key_digest(key)}" for name, key in named.items())
    os.environ.setdefault("FUNCTION_KEYS", ",".join(entries))


def _apply_local_settings(app_dir: Path) -> None:
    """Read ``local.settings.json``, as ``func start`` does; the environment has precedence."""
    path = app_dir / "local.settings.json"
    if path.exists():
        for name, value in json.loads(path.read_text()).get("Values", {}).items():
            os.environ.setdefault(name, str(value))


def _announce(functions: list[Function], address: str, keys: Keys, *, as_json: bool) -> None:
    if as_json:
        ready = {"url": address, "function_key": keys.function, "master_key": keys.master}
        ready |= {f"{name.lower()}_key": key for name, key in keys.named.items()}
        print(json.dumps(ready), flush=True)
        return
    print("Functions:", flush=True)
    for function in functions:
        source = function.trigger.get("route") or function.trigger.get("path") or ""
        source = source or function.trigger.get("queueName") or function.trigger.get("schedule", "")
        print(f"  {function.name}: [{function.kind}] {source}", flush=True)
    print(f"listening on {address}", flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.host",
        description="Run the function app in this folder, as func start does. See docs/local.md.",
    )
    parser.add_argument(
        "--app-dir", default=".", help="folder with function_app.py (default: %(default)s)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=7071, help="port; 0: a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--function-key", help="key of the functions (default: FUNCTION_KEY, else a random one)"
    )
    parser.add_argument(
        "--master-key", help="key of everything (default: MASTER_KEY, else a random one)"
    )
    parser.add_argument(
        "--sign-in",
        action="store_true",
        help="stand in for App Service Authentication: users sign in, without a password",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready")
    parser.add_argument(
        "--poll-seconds",
        type=float,
        default=0.25,
        help="seconds between checks for new blobs (default: %(default)s)",
    )
    parser.add_argument(
        "--retry-seconds",
        type=int,
        default=2,
        help="seconds before a failed blob is retried (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
