"""Who may use the control interface: programs on this machine, but no website in a browser here.

A website can send requests to 127.0.0.1 from its visitors' browsers. The browser then names the
site in ``Origin``. With DNS rebinding, where the site's own name leads to 127.0.0.1, the name is in
``Host``.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from local.emulator.errors import AcsError

CONTROL_PREFIX = "/emulator/"

_PORT = re.compile(r":\d+$")


def check_site(host: str, origin: str | None) -> None:
    """Check the ``Host`` and ``Origin`` of a request to the control interface. Raises AcsError."""
    if not _is_loopback(host):
        raise AcsError(
            403, "8500", "The Host header must name this machine: use 127.0.0.1 or localhost."
        )
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        raise AcsError(403, "8500", "Requests of other sites are refused: send no Origin header.")


def _is_loopback(host: str) -> bool:
    name, *_ = _PORT.split(host.lower())
    try:
        return name == "localhost" or ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
