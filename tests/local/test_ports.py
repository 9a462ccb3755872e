"""Free ports: free, different, and outside the ephemeral ranges."""

from __future__ import annotations

import socket

from local.ports import HOST, free_ports, is_free


def test_free_ports_are_different_and_never_lent_to_clients() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32768


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
