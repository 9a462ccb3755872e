"""Starting the whole system: what others may do in the meantime."""

from __future__ import annotations

import socket

import pytest

from local import up as module
from local.child_process import StartError
from local.ports import HOST, free_ports
from local.up import Up


async def test_a_port_taken_in_the_meantime_is_not_insisted_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        chosen = [taken.getsockname()[1]]
        asked = 0

        def first_a_taken_one(count: int) -> list[int]:
            nonlocal asked
            asked += 1
            return chosen + free_ports(count - 1) if asked == 1 else free_ports(count)

        monkeypatch.setattr(module, "free_ports", first_a_taken_one)
        monkeypatch.setattr(module, "USUAL_PORTS", dict.fromkeys(("acs", *module.USUAL_PORTS), 0))
        async with Up(use_free_ports=True) as up:
            assert asked == 2
            assert up.addresses.acs_endpoint != f"http://{HOST}:{chosen[0]}"
            assert len(up.processes) == 4

        monkeypatch.setattr(module, "free_ports", lambda count: chosen + free_ports(count - 1))
        with pytest.raises(StartError, match="emulator did not start"):
            async with Up(use_free_ports=True):
                pass
