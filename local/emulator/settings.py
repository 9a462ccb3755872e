"""The emulator's settings."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ISSUER = "https://acscallautomation.communication.azure.com"


class EmulatorSettings(NamedTuple):
    """The emulator's settings; ``python -m local.emulator --help`` explains them.

    ``speed`` is how many times faster than real time call audio plays. ``incoming_webhook`` is the
    URL, with its key, that IncomingCall events are posted to, as Event Grid would. ``audio`` has an
    audio file for each participant: the caller's, the callee's, then further participants'.
    ``prompts`` is the folder with the files of file sources.
    """

    access_key: str
    resource_id: str
    host: str = "127.0.0.1"
    port: int = 8090
    issuer: str = ISSUER
    speed: float = 1.0
    answer_seconds: float = 0.2
    hang_up_at_end: bool = False
    incoming_webhook: str = ""
    ring_seconds: float = 30.0
    redelivery_seconds: float = 10.0
    audio: tuple[Path, ...] = ()
    prompts: Path | None = None
