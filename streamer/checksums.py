"""The checksums of a file: one that proves it later, one that Blob Storage checks on arrival."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from azure.storage.extensions.checksums import crc64

_CRC64_BYTES = 8
_READ_BYTES = 64 * 1024


class Checksums(NamedTuple):
    """The checksums of one file, both in hexadecimal.

    ``sha256`` is what manifests and metadata have. Blob Storage does not check it, but compares
    ``crc64`` with what it receives. That is CRC-64/NVME, its bytes in the order of Azure's header
    ``x-ms-content-crc64``: the least significant first.
    """

    sha256: str
    crc64: str


def compute_checksums(content: bytes) -> Checksums:
    """Return the checksums of a file's content: about 0.8 ms for a megabyte."""
    return _compute([content])


def compute_file_checksums(descriptor: int) -> Checksums:
    """Return the checksums of an open file, read in parts: it may be long. Raises OSError."""
    return _compute(_read(descriptor))


def _read(descriptor: int) -> Iterator[bytes]:
    offset = 0
    while part := os.pread(descriptor, _READ_BYTES, offset):
        yield part
        offset += len(part)


def _compute(parts: Iterable[bytes]) -> Checksums:
    sha256, crc = hashlib.sha256(), 0
    for part in parts:
        sha256.update(part)
        crc = crc64.compute(part, crc)
    return Checksums(sha256.hexdigest(), crc.to_bytes(_CRC64_BYTES, "little").hex())
