"""The ACS emulator, set up for tests."""

from __future__ import annotations

import base64
from typing import Any

from local.emulator.server import EmulatorServer, EmulatorSettings

ACCESS_KEY = base64.b64encode(bytes(32)).decode()


def create_emulator(**settings: Any) -> EmulatorServer:
    """An emulator on a free port, which the test starts and stops."""
    return EmulatorServer(EmulatorSettings(ACCESS_KEY, "resource", port=0, **settings))
