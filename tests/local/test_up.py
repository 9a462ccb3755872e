"""Starting the whole system: ports that others take in the meantime, and a part that ends."""

from __future__ import annotations

import os
import signal
import socket

import pytest
from azure.storage.blob import BlobServiceClient

from calls import blobs
from local import up as module
from local.child_process import PortTakenError, StartError
from local.ports import HOST, free_ports
from local.up import Up


async def test_a_port_taken_in_the_meantime_is_replaced_and_an_ended_part_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        taken_port = taken.getsockname()[1]
        requests = 0

        def choose_a_taken_one_first(count: int) -> list[int]:
            nonlocal requests
            requests += 1
            return [taken_port, *free_ports(count - 1)] if requests == 1 else free_ports(count)

        monkeypatch.setattr(module, "free_ports", choose_a_taken_one_first)
        monkeypatch.setattr(module, "USUAL_PORTS", dict.fromkeys(("acs", *module.USUAL_PORTS), 0))
        async with Up(use_free_ports=True) as up:
            assert requests == 2
            assert up.addresses.acs_endpoint != f"http://{HOST}:{taken_port}"
            assert len(up.processes) == 4
            storage = up.addresses.storage_connection_string
            with BlobServiceClient.from_connection_string(storage) as service:
                containers = {container.name for container in service.list_containers()}
            assert set(blobs.CONTAINERS) <= containers
            os.kill(up.processes["emulator"], signal.SIGKILL)
            assert "the emulator ended by itself" in await up.wait()


async def test_ports_that_are_taken_again_and_again_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = 0

    async def start(_: Up) -> None:
        nonlocal attempts
        attempts += 1
        raise PortTakenError("the emulator did not start")

    monkeypatch.setattr(Up, "_start", start)
    with pytest.raises(StartError, match="emulator did not start"):
        async with Up(use_free_ports=True):
            pass
    assert attempts == 3
    with pytest.raises(StartError):
        async with Up():
            pass
    assert attempts == 4, "the usual ports stay the same: another attempt would be in vain"


async def test_usual_ports_in_use_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(module, "USUAL_PORTS", module.USUAL_PORTS | {"app": port})
        with pytest.raises(StartError, match=rf"in use: port .*{port} \(app\).*--free-ports"):
            async with Up():
                pass
