"""A child process: health, its log in errors, and its end."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from local.child_process import ChildProcess, PortTakenError, StartError
from local.ports import HOST, free_ports, is_free

SERVE = "import sys; from http.server import *; print('x' * 9); ThreadingHTTPServer"
SERVE = f"{SERVE}(('{HOST}', int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()"


async def launch(folder: Path, *arguments: str, port: int) -> ChildProcess:
    return await ChildProcess.launch(
        "server", list(arguments), {}, f"http://{HOST}:{port}/", cwd=folder, log_dir=folder
    )


async def test_it_is_healthy_and_then_stopped(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    child = await launch(tmp_path, "-c", SERVE, str(port), port=port)
    await child.wait_until_healthy()
    assert "x" * 9 in child.tail()
    await child.stop()
    await child.stop()
    assert child.process.returncode is not None
    assert is_free(port)


async def test_a_port_in_use_is_a_different_error(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        # Not the health of whatever listens there already.
        child = await launch(tmp_path, "-c", SERVE, str(port), port=free_ports(1)[0])
        with pytest.raises(PortTakenError, match="the server did not start"):
            await child.wait_until_healthy()


async def test_the_error_has_the_end_of_the_log(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    child = await launch(tmp_path, "-c", "raise SystemExit('no such setting')", port=port)
    with pytest.raises(StartError, match="no such setting") as error:
        await child.wait_until_healthy()
    assert not isinstance(error.value, PortTakenError)
