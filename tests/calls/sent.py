"""A queue that keeps what is sent to it, or does not answer."""

from __future__ import annotations

import base64


class Sent:
    """Stands in for a queue's client."""

    def __init__(self, error: Exception | None = None) -> None:
        self.bodies: list[bytes] = []
        self.delays: list[int] = []
        self.error = error

    async def send_message(self, content: str, visibility_timeout: int = 0) -> None:
        if self.error is not None:
            raise self.error
        self.bodies.append(base64.b64decode(content))
        self.delays.append(visibility_timeout)

    async def close(self) -> None:
        """As a client's."""
