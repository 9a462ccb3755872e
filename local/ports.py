"""Free ports on the loopback address."""

import random
import socket

HOST = "127.0.0.1"

# Below the ephemeral ranges of Linux (32768-60999) and macOS (49152-65535): otherwise a client that
# reconnects while a server restarts could get the server's own port.
_FIRST, _LAST = 20000, 32000


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too, so that connections in TIME_WAIT do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Return ``count`` different free ports, chosen at random to keep parallel runs apart.

    Nothing reserves them: if one is in use when a server starts, call this again.
    Raises RuntimeError if there are not that many.
    """
    free: list[int] = []
    for port in random.sample(range(_FIRST, _LAST), _LAST - _FIRST):
        if is_free(port):
            free.append(port)
            if len(free) == count:
                return free
    raise RuntimeError(f"no {count} free ports between {_FIRST} and {_LAST} on {HOST}")
