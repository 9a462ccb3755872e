"""Azurite, the storage of the cloud on a laptop, as a process of our own.

    async with Azurite() as azurite:                      # free ports, in memory
        BlobServiceClient.from_connection_string(azurite.connection_string)

`with Azurite()` works too, and so do `start()` and `stop()`, which block. After `stop()` a further
`start()` comes back on the same ports; what was stored is still there if a directory was given.

Azurite ends with the process that started it, even when that one is killed.
"""

import asyncio
import contextlib
import http.client
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Self

from local.ports import HOST, free_ports, is_free

# Azurite's published account and key, the same on every machine and no secret.
ACCOUNT_NAME = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

_SCRIPT = Path(__file__).parents[1] / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"

# Its stdin is a pipe that only we hold, so it sees the end of it however we end. Unreferenced, or
# it would keep Azurite alive after its servers have closed.
_END_WITH_STDIN = (
    'data:text/javascript,process.stdin.on("end",()=>process.kill(process.pid,"SIGTERM"))'
    ".resume().unref()"
)
_SERVICES = ("Blob", "Queue", "Table")
_TRIES = 3
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0


class AzuriteError(RuntimeError):
    """Azurite could not be started; the message says why and what to do."""


class _PortTakenError(AzuriteError):
    """A port that was free a moment ago is taken."""


class Azurite:
    """A running Azurite: Blob, Queue and Table on the loopback address.

    `directory`: where it keeps its data (made if missing); None keeps them in memory.
    `blob_port`, `queue_port`, `table_port`: 0 chooses a free one at the first start.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        blob_port: int = 0,
        queue_port: int = 0,
        table_port: int = 0,
    ) -> None:
        self._directory = directory
        self._wanted = (blob_port, queue_port, table_port)
        self._ports: tuple[int, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def blob_endpoint(self) -> str:
        return self._endpoint(0)

    @property
    def queue_endpoint(self) -> str:
        return self._endpoint(1)

    @property
    def table_endpoint(self) -> str:
        return self._endpoint(2)

    @property
    def connection_string(self) -> str:
        """The full form of `UseDevelopmentStorage=true`, with the ports that are in use here."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.blob_endpoint};QueueEndpoint={self.queue_endpoint};"
            f"TableEndpoint={self.table_endpoint};"
        )

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self, timeout: float = 30.0) -> None:
        """Start it and wait until its services answer over HTTP, `timeout` seconds at most.

        Raises `AzuriteError` when it is not installed, a port is taken, or it ends or is not
        healthy in time; its own output is in the message.
        """
        if self.pid is not None:
            return
        command = _command(self._directory)
        for tries_left in reversed(range(_TRIES)):
            ports = self._ports or _choose(self._wanted)
            try:
                self._launch(command, ports, timeout)
            except _PortTakenError:
                # A port that was given, or that clients already know, cannot be changed.
                if self._ports or all(self._wanted) or not tries_left:
                    raise
            else:
                self._ports = ports
                return

    def stop(self) -> None:
        """Stop it: SIGTERM, and SIGKILL if it has not ended in 10 s. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if self._output is not None:
            self._output.close()
            self._output = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def _endpoint(self, service: int) -> str:
        if not self._ports:
            raise AzuriteError("Azurite has not been started yet, so its ports are not known")
        return f"http://{HOST}:{self._ports[service]}/{ACCOUNT_NAME}"

    def _launch(self, command: list[str], ports: tuple[int, ...], timeout: float) -> None:
        for service, port in zip(_SERVICES, ports, strict=True):
            if not is_free(port):
                raise _PortTakenError(
                    f"port {port}, for Azurite's {service} service, is taken: stop what listens "
                    f"there, or choose another port"
                )
        blob, queue, table = map(str, ports)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process runs)
        self._process = subprocess.Popen(
            [*command, "--blobPort", blob, "--queuePort", queue, "--tablePort", table],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal is for the parent, which stops its parts in order.
            process_group=0,
        )
        try:
            self._wait_until_healthy(self._process, ports, timeout)
        except BaseException:
            self.stop()
            raise

    def _wait_until_healthy(
        self, process: subprocess.Popen[bytes], ports: tuple[int, ...], timeout: float
    ) -> None:
        deadline = time.monotonic() + timeout
        waiting_for = dict(zip(_SERVICES, ports, strict=True))
        while waiting_for:
            if process.poll() is not None:
                output = self._read_output()
                error = _PortTakenError if "EADDRINUSE" in output else AzuriteError
                raise error(f"Azurite ended with exit code {process.returncode}:\n{output}")
            if time.monotonic() > deadline:
                raise AzuriteError(
                    f"Azurite's {', '.join(waiting_for)} not healthy after {timeout:.0f} s:\n"
                    f"{self._read_output()}"
                )
            for service, port in list(waiting_for.items()):
                if _answers(service, port):
                    del waiting_for[service]
            if waiting_for:
                time.sleep(_POLL_SECONDS)

    def _read_output(self) -> str:
        if self._output is None:
            return ""
        # Not seek and read: the file's position is shared with the process that writes.
        return os.pread(self._output.fileno(), 65536, 0).decode(errors="replace").strip()


def _command(directory: Path | None) -> list[str]:
    node = shutil.which("node")
    if node is None:
        raise AzuriteError("Azurite needs Node.js 20 or later, and `node` is not on the PATH")
    if not _SCRIPT.is_file():
        raise AzuriteError("Azurite is not installed: run `make setup`")
    command = [node, "--import", _END_WITH_STDIN, str(_SCRIPT)]
    # The SDKs' newest API version is often ahead of the newest that Azurite knows by name.
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    if directory is None:
        return [*command, "--inMemoryPersistence"]
    directory.mkdir(parents=True, exist_ok=True)
    return [*command, "--location", str(directory)]


def _choose(wanted: tuple[int, ...]) -> tuple[int, ...]:
    free = iter(free_ports(len(wanted)))
    return tuple(port or next(free) for port in wanted)


def _answers(service: str, port: int) -> bool:
    """Whether Azurite's `service` answers on `port`; an unsigned request gets its 403."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    with contextlib.closing(connection):
        try:
            connection.request("GET", f"/{ACCOUNT_NAME}?comp=list")
            server = connection.getresponse().getheader("Server") or ""
        except (OSError, http.client.HTTPException):
            return False
        return server.startswith(f"Azurite-{service}/")
