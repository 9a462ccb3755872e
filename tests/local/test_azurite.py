"""Azurite as a process: starting, stopping, HTTP, and its end with its parent."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from calls import blobs
from local import azurite as module
from local.azurite import Azurite, AzuriteError, create_containers
from local.ports import HOST, free_ports, is_free
from tests.local.waiting import until


def put(connection_string: str, container: str, data: bytes) -> None:
    with BlobServiceClient.from_connection_string(connection_string) as service:
        service.create_container(container)
        service.get_blob_client(container, "name").upload_blob(data)


def get(connection_string: str, container: str) -> bytes:
    with BlobServiceClient.from_connection_string(connection_string) as service:
        return service.get_blob_client(container, "name").download_blob().readall()


def test_blob_and_queue_serve_the_sdk_clients(storage: str) -> None:
    put(storage, "azurite-serves", b"RIFF")
    assert get(storage, "azurite-serves") == b"RIFF"
    with QueueServiceClient.from_connection_string(storage) as service:
        queue = service.create_queue("azurite-serves")
        queue.send_message("hello")
        message = queue.receive_message()
        assert message is not None
        assert message.content == "hello"


def test_connection_string_is_the_full_form(azurite: Azurite) -> None:
    parts = dict(part.split("=", 1) for part in azurite.connection_string.strip(";").split(";"))
    assert parts["AccountName"] == "devstoreaccount1"
    assert parts["BlobEndpoint"] == azurite.blob_endpoint
    assert parts["QueueEndpoint"] == azurite.queue_endpoint
    assert parts["TableEndpoint"] == azurite.table_endpoint


async def test_two_side_by_side_share_nothing(azurite: Azurite) -> None:
    async with Azurite() as other:
        assert other.blob_endpoint != azurite.blob_endpoint
        put(other.connection_string, "azurite-other", b"1")
        with pytest.raises(ResourceNotFoundError):
            get(azurite.connection_string, "azurite-other")


def read_index(folder: Path, name: str) -> str:
    path = folder / f"__azurite_db_{name}__.json"
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_comes_back_on_the_same_ports_with_its_data(tmp_path: Path, how: signal.Signals) -> None:
    with Azurite(tmp_path / "data") as azurite:
        before = azurite.connection_string
        put(before, "kept", b"speech")
        if how is signal.SIGKILL:
            # Azurite saves its two indexes every five seconds, and when it stops.
            until(lambda: '"containerName":"kept"' in read_index(tmp_path / "data", "blob"))
            until(lambda: '"size":6' in read_index(tmp_path / "data", "blob_extent"))
        assert azurite.pid is not None
        os.kill(azurite.pid, how)
        # `stop()` would send a second SIGTERM, which interrupts its saving.
        until(lambda: azurite.pid is None)
        azurite.stop()
        azurite.start()
        assert azurite.connection_string == before
        assert get(before, "kept") == b"speech"


def test_stop_frees_the_ports_and_may_be_called_twice() -> None:
    blob, queue, table = free_ports(3)
    azurite = Azurite(blob_port=blob, queue_port=queue, table_port=table)
    azurite.start()
    azurite.start()
    assert azurite.blob_endpoint == f"http://{HOST}:{blob}/devstoreaccount1"
    assert not is_free(blob)
    azurite.stop()
    azurite.stop()
    assert all(map(is_free, (blob, queue, table)))


def test_a_taken_port_is_named() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        azurite = Azurite(queue_port=port)
        with pytest.raises(AzuriteError, match=f"port {port}, for Azurite's Queue service"):
            azurite.start()
        assert azurite.pid is None


def test_its_output_is_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "__azurite_db_blob__.json").mkdir()
    with pytest.raises(AzuriteError, match="__azurite_db_blob__"):
        Azurite(tmp_path).start()


def test_ends_with_a_parent_that_is_killed() -> None:
    program = (
        "from local.azurite import Azurite; import time\n"
        "with Azurite() as azurite:\n"
        "    print(azurite.blob_endpoint, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    endpoint = parent.stdout.readline().strip()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    port = int(endpoint.split(":")[2].split("/")[0])
    until(lambda: is_free(port))


def test_not_installed_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_SCRIPT", tmp_path / "azurite.js")
    with pytest.raises(AzuriteError, match="make setup"):
        Azurite().start()


def test_without_node_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteError, match=r"Node\.js"):
        Azurite().start()


def test_endpoints_before_the_first_start() -> None:
    with pytest.raises(AzuriteError, match="not been started"):
        _ = Azurite().connection_string


def test_the_system_s_containers_are_created_once(azurite: Azurite) -> None:
    create_containers(azurite.connection_string)
    create_containers(azurite.connection_string)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        assert set(blobs.CONTAINERS) <= {container.name for container in service.list_containers()}


def test_the_command_runs_it_until_sigterm() -> None:
    ports = dict(zip(module.USUAL_PORTS, free_ports(3), strict=True))
    program = f"from local import azurite; azurite.USUAL_PORTS = {ports}; exit(azurite.main())"
    command = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=module.ROOT
    )
    assert command.stdout is not None
    assert f"http://{HOST}:{ports['blob']}/" in command.stdout.readline()
    assert not is_free(ports["blob"])
    command.terminate()
    assert command.wait(120) == 0
    command.stdout.close()
    assert is_free(ports["blob"])
