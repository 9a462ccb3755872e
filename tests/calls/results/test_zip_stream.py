"""A zip file in blocks is one that any reader opens, in bounded memory."""

from __future__ import annotations

import asyncio
import io
import shutil
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calls.results import zip_stream
from calls.results.zip_stream import zip_blocks

MOMENT = datetime(2026, 3, 1, 9, 30, 8, tzinfo=UTC)
FILES = {"call.json": b'{"a":1}' * 100, "manifests/s.json": b"{}"}
AUDIO = bytes(range(256)) * 1000


async def parts(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for offset in range(0, len(content), size):
        yield content[offset : offset + size]


async def build(audio: bytes = AUDIO) -> tuple[bytes, list[int]]:
    """Build a zip file; return it, and the numbers of its blocks as they came."""
    blocks: list[tuple[int, bytes]] = [
        block async for block in zip_blocks(FILES, "a.wav", len(audio), parts(audio), MOMENT)
    ]
    return b"".join(content for _, content in sorted(blocks)), [number for number, _ in blocks]


async def test_what_is_unpacked_is_what_was_packed() -> None:
    file, _ = await build()
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*FILES, "a.wav"]
        contents = {name: archive.read(name) for name in archive.namelist()}
        assert contents == {**FILES, "a.wav": AUDIO}
        for info in archive.infolist():
            assert info.date_time == (2026, 3, 1, 9, 30, 8)
            assert info.external_attr >> 16 == 0o644


async def test_the_audio_is_stored_and_its_header_has_its_size_and_checksum() -> None:
    """Without a data descriptor: readers of streams know where the stored audio ends."""
    file, _ = await build()
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        info = archive.getinfo("a.wav")
    assert (info.compress_type, info.flag_bits & 0x08) == (zipfile.ZIP_STORED, 0)
    header = file[info.header_offset : info.header_offset + 30]
    assert int.from_bytes(header[14:18], "little") == info.CRC
    assert int.from_bytes(header[22:26], "little") == len(AUDIO)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="Info-ZIP is not installed")
async def test_another_program_unpacks_it(tmp_path: Path) -> None:
    file, _ = await build()
    (tmp_path / "a.zip").write_bytes(file)
    process = await asyncio.create_subprocess_exec("unzip", "-q", "a.zip", cwd=tmp_path)
    assert await process.wait() == 0
    assert (tmp_path / "a.wav").read_bytes() == AUDIO
    assert (tmp_path / "manifests/s.json").read_bytes() == b"{}"


async def test_an_entry_beyond_4_gib_has_the_sizes_of_zip64(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a limit that the audio is just above of."""
    file, _ = await build()
    assert zipfile.ZipFile(io.BytesIO(file)).getinfo("a.wav").extract_version == 20
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", len(AUDIO) - 1)
    file, _ = await build()
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        info = archive.getinfo("a.wav")
        assert info.extract_version == zipfile.ZIP64_VERSION
        assert info.extra[:2] == b"\x01\x00"
        assert archive.read("a.wav") == AUDIO


async def test_the_beginning_comes_last_and_no_block_is_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zip_stream, "BLOCK_BYTES", 50_000)
    _, numbers = await build()
    assert numbers == [1, 2, 3, 4, 5, 6, 0]


async def test_memory_does_not_grow_with_the_audio() -> None:
    size, part = 64 * 1024 * 1024, bytes(1024 * 1024)

    async def silence() -> AsyncIterator[bytes]:
        for _ in range(size // len(part)):
            yield part

    tracemalloc.start()
    total = 0
    async for _, block in zip_blocks(FILES, "a.wav", size, silence(), MOMENT):
        total += len(block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > size
    assert peak < 5 * zip_stream.BLOCK_BYTES


async def test_an_error_of_the_audio_ends_it() -> None:
    async def fail() -> AsyncIterator[bytes]:
        yield b"a"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        async for _ in zip_blocks({}, "a.wav", 2, fail(), MOMENT):
            pass
