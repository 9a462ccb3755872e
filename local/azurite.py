"""Starts and stops Azurite, the Azure Storage emulator, as a child process.

``python -m local.azurite`` runs it on the usual ports, with the system's containers.

    async with Azurite() as azurite:                      # free ports, in memory
        BlobServiceClient.from_connection_string(azurite.connection_string)

``with Azurite()`` is the blocking form, as are ``start()`` and ``stop()``. A ``start()`` after
``stop()`` uses the same ports; with a directory, the data is still there.

Azurite ends with the process that started it, even when that process is killed.
"""

import argparse
import asyncio
import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient, CorsRule

from calls import blobs
from local.ports import HOST, free_ports, is_free

# Azurite's published account and key: the same on every machine, not a secret.
ACCOUNT_NAME = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

USUAL_PORTS = {"blob": 10000, "queue": 10001, "table": 10002}

ROOT = Path(__file__).parents[1]

_SCRIPT = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"

# Only the parent holds the other end of Azurite's stdin, so it closes however the parent ends.
# It is unreferenced because stdin would keep Azurite running after its servers have closed.
_END_WITH_STDIN = (
    'data:text/javascript,process.stdin.on("end",()=>process.kill(process.pid,"SIGTERM"))'
    ".resume().unref()"
)
_SERVICES = ("Blob", "Queue", "Table")
_ATTEMPTS = 3
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0


class AzuriteError(RuntimeError):
    """Raised when Azurite cannot be started; the message says why and what to do."""


class _PortTakenError(AzuriteError):
    """Raised when a port is in use."""


class Azurite:
    """An Azurite process: Blob, Queue and Table on the loopback address.

    Args:
        directory: Where it keeps its data, created if missing; None: in memory.
        blob_port, queue_port, table_port: 0 chooses a free port at the first start.
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
        self._requested_ports = (blob_port, queue_port, table_port)
        self._ports: tuple[int, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def blob_endpoint(self) -> str:
        """The address of the blob service."""
        return self._endpoint(0)

    @property
    def queue_endpoint(self) -> str:
        """The address of the queue service."""
        return self._endpoint(1)

    @property
    def table_endpoint(self) -> str:
        """The address of the table service."""
        return self._endpoint(2)

    @property
    def connection_string(self) -> str:
        """The full form of ``UseDevelopmentStorage=true``, with this process's ports."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.blob_endpoint};QueueEndpoint={self.queue_endpoint};"
            f"TableEndpoint={self.table_endpoint};"
        )

    @property
    def pid(self) -> int | None:
        """The process id; None while Azurite is not running."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self, timeout: float = 60.0) -> None:
        """Start it and wait until its services answer over HTTP, ``timeout`` seconds at most.

        Raises AzuriteError, with Azurite's own output, when it is not installed, a port is in use,
        or it ends or is not healthy in time.
        """
        if self.pid is not None:
            return
        command = _command(self._directory)
        for attempts_left in reversed(range(_ATTEMPTS)):
            ports = self._ports or _choose_ports(self._requested_ports)
            try:
                self._launch(command, ports, timeout)
            except _PortTakenError:
                # A port that was requested, or that clients know already, cannot change.
                if self._ports or all(self._requested_ports) or not attempts_left:
                    raise
            else:
                self._ports = ports
                return

    def stop(self) -> None:
        """Send SIGTERM, then SIGKILL after 10 s. Calling it again does nothing."""
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
            raise AzuriteError(
                "Azurite has not been started yet: call start() before using its ports"
            )
        return f"http://{HOST}:{self._ports[service]}/{ACCOUNT_NAME}"

    def _launch(self, command: list[str], ports: tuple[int, ...], timeout: float) -> None:
        for service, port in zip(_SERVICES, ports, strict=True):
            if not is_free(port):
                raise _PortTakenError(
                    f"port {port}, for Azurite's {service} service, is in use: stop what listens "
                    f"there, or choose another port"
                )
        blob, queue, table = map(str, ports)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process runs)
        self._process = subprocess.Popen(
            [*command, "--blobPort", blob, "--queuePort", queue, "--tablePort", table],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal must reach only the parent, which stops parts in order.
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
        pending = dict(zip(_SERVICES, ports, strict=True))
        while pending:
            if process.poll() is not None:
                output = self._read_output()
                error = _PortTakenError if "EADDRINUSE" in output else AzuriteError
                raise error(
                    f"Azurite ended with exit code {process.returncode}. Its output:\n{output}"
                )
            if time.monotonic() > deadline:
                raise AzuriteError(
                    f"Azurite ({', '.join(pending)}) is not healthy after {timeout:.0f} s. "
                    f"Its output:\n"
                    f"{self._read_output()}"
                )
            for service, port in list(pending.items()):
                if _answers(service, port):
                    del pending[service]
            if pending:
                time.sleep(_POLL_SECONDS)

    def _read_output(self) -> str:
        if self._output is None:
            return ""
        # Not seek and read: the file position is shared with Azurite, which writes.
        return os.pread(self._output.fileno(), 65536, 0).decode(errors="replace").strip()


def _command(directory: Path | None) -> list[str]:
    node = shutil.which("node")
    if node is None:
        raise AzuriteError(
            "Azurite needs Node.js 20 or later, but `node` is not on PATH: install Node.js"
        )
    if not _SCRIPT.is_file():
        raise AzuriteError("Azurite is not installed: run `make setup`")
    command = [node, "--import", _END_WITH_STDIN, str(_SCRIPT)]
    # The SDKs' API version is often newer than the newest that Azurite recognises.
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    if directory is None:
        return [*command, "--inMemoryPersistence"]
    directory.mkdir(parents=True, exist_ok=True)
    return [*command, "--location", str(directory)]


def _choose_ports(requested: tuple[int, ...]) -> tuple[int, ...]:
    free = iter(free_ports(len(requested)))
    return tuple(port or next(free) for port in requested)


def _answers(service: str, port: int) -> bool:
    """Return whether Azurite's ``service`` answers on ``port``, with any status."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    with contextlib.closing(connection):
        try:
            connection.request("GET", f"/{ACCOUNT_NAME}?comp=list")
            server = connection.getresponse().getheader("Server") or ""
        except (OSError, http.client.HTTPException):
            return False
        return server.startswith(f"Azurite-{service}/")


def create_containers(connection_string: str) -> None:
    """Create the system's containers that are missing, as Bicep does in Azure."""
    with BlobServiceClient.from_connection_string(connection_string) as service:
        for container in blobs.CONTAINERS:
            with contextlib.suppress(ResourceExistsError):
                service.create_container(container)


def allow_other_origins(connection_string: str) -> None:
    """Let the console play recordings from Azurite. In Azure, only the console's origin may."""
    rule = CorsRule(["*"], ["GET", "HEAD"], allowed_headers=["*"], max_age_in_seconds=3600)
    with BlobServiceClient.from_connection_string(connection_string) as service:
        service.set_service_properties(cors=[rule])


def create_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m local.azurite",
        description="Run Azurite on its usual ports, with the system's containers, until Ctrl-C.",
    )
    parser.add_argument(
        "--data-dir", type=Path, help="keep the data in this folder (default: in memory)"
    )
    return parser


def main() -> int:
    """Run until Ctrl-C or SIGTERM. Returns 1 when Azurite cannot be started."""
    options = create_parser().parse_args()
    ports = {f"{name}_port": port for name, port in USUAL_PORTS.items()}
    signals = {signal.SIGINT, signal.SIGTERM}
    try:
        with Azurite(options.data_dir, **ports) as azurite:
            create_containers(azurite.connection_string)
            allow_other_origins(azurite.connection_string)
            # Only now: Azurite would inherit the blocked signals.
            signal.pthread_sigmask(signal.SIG_BLOCK, signals)
            print(f"Azurite on {azurite.blob_endpoint}; Ctrl-C stops it.", flush=True)
            signal.sigwait(signals)
    except AzuriteError as error:
        print(f"azurite: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
