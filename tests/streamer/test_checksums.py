"""The checksums of what is uploaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from streamer.checksums import compute_checksums, compute_file_checksums


@pytest.mark.parametrize(
    ("content", "crc64"),
    [(b"123456789", 0xAE8B14860A799888), (b"", 0)],
    ids=["the check value of CRC-64/NVME in the CRC catalogue", "nothing"],
)
def test_the_crc_has_its_bytes_in_the_order_of_azures_header(content: bytes, crc64: int) -> None:
    assert compute_checksums(content).crc64 == crc64.to_bytes(8, "little").hex()


def test_one_flipped_bit_changes_both() -> None:
    content = bytes(range(256)) * 300
    flipped = bytes([content[0] ^ 1]) + content[1:]
    original, changed = compute_checksums(content), compute_checksums(flipped)
    assert original.sha256 == hashlib.sha256(content).hexdigest()
    assert changed.sha256 != original.sha256
    assert changed.crc64 != original.crc64


@pytest.mark.parametrize("size", [0, 1, 65_536, 200_001])
def test_a_file_that_is_read_in_parts_has_the_checksums_of_its_content(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(251)) * 800)
    with path.open("r+b") as file:
        file.truncate(size)
        checksums = compute_file_checksums(file.fileno())
    assert checksums == compute_checksums(path.read_bytes())
