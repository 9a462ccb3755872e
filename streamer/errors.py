"""The streamer's own errors, as one tree.

::

    StreamerError
    ├── SpoolInUse          another process holds the spool
    ├── SealFailed          a stream cannot end, because a segment could not be sealed
    ├── StorageError        Blob Storage holds something else than it should
    │   ├── BlobConflict    a blob of that name holds other content
    │   └── ChecksumMismatch  the content that arrived does not match its checksum
    └── HandshakeRefused    a WebSocket handshake is answered with an HTTP error

Wrong settings raise ``configuration.SettingsError``, a full or broken disk ``OSError``, and an
unreachable Blob Storage ``azure.core.exceptions.AzureError``.
"""

from __future__ import annotations

from http import HTTPStatus


class StreamerError(Exception):
    """Base class of all errors that the streamer raises itself."""


class SpoolInUse(StreamerError):
    """Raised when another process holds the spool's folder."""


class SealFailed(StreamerError):
    """Raised when a stream ends and a segment of it could not be sealed. Its files are kept."""


class StorageError(StreamerError):
    """Base class of what is wrong with content in Blob Storage."""


class BlobConflict(StorageError):
    """Raised when a blob exists already and holds other content."""


class ChecksumMismatch(StorageError):
    """Raised when Blob Storage refuses content whose checksum differs from the one sent with it."""


class HandshakeRefused(StreamerError):
    """Raised when a handshake is refused.

    Attributes:
        status: The HTTP status to answer with.
        reason: A short constant word, fit for a log and a metric's label.
    """

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(f"{status.value} {reason}")
        self.status = status
        self.reason = reason
