"""The errors of this package, as one tree.

::

    AcsInputError
    ├── MalformedPacket    (a ValueError) a media packet cannot be read
    ├── MalformedEvent     (a ValueError) a callback or Event Grid event cannot be read
    └── TokenError         a bearer token is not accepted
        ├── InvalidToken      because of the token
        └── KeysUnavailable   because the key server cannot be reached
"""

from __future__ import annotations


class AcsInputError(Exception):
    """Base class of all errors about what Azure Communication Services sends."""


class MalformedPacket(AcsInputError, ValueError):
    """Raised when a message is not a media packet: not JSON, no ``kind``, wrong types or base64."""


class MalformedEvent(AcsInputError, ValueError):
    """Raised when a body is not an array of CloudEvents, or an event is not an IncomingCall."""


class TokenError(AcsInputError):
    """Base class of the errors of a token that is not accepted.

    ``reason`` is a short constant word, fit for a log and a metric's label. Neither it nor the text
    ever contains any part of the token.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidToken(TokenError):
    """Raised when the token itself is not acceptable."""


class KeysUnavailable(TokenError):
    """Raised when a token's key is unknown and the key server cannot be reached."""
