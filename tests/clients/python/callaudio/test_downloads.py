"""Downloads go on where they ended, with the same version of the file or from its beginning."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from callaudio import DownloadError, ProblemError, Progress, UnreachableError

from tests.clients.python.callaudio.servers import Pauses, both, client, pauses, problem

__all__ = ["pauses"]

CONTENT = bytes(range(256)) * 40
REQUEST = {"method": "get", "url": "/api/v1/calls/c/recording"}


class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection breaks after ``length`` bytes."""

    def __init__(self, content: bytes, length: int) -> None:
        self.content, self.length = content, length

    def __iter__(self) -> Iterator[bytes]:
        yield self.content[: self.length]
        if self.length < len(self.content):
            raise httpx.ReadError("connection reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


class Storage:
    """The app, which redirects to Blob Storage, which sends ``cuts`` bytes a time."""

    def __init__(self, *cuts: int) -> None:
        self.content, self.etag = CONTENT, '"one"'
        self.cuts = list(cuts)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.port == 7071:
            if request.headers.get("If-Match", self.etag) != self.etag:
                return problem(412, "file_changed")
            return httpx.Response(307, headers={"Location": "https://blobs.example/r.wav?sig=s"})
        assert "x-functions-key" not in request.headers
        first = 0
        if "Range" in request.headers:
            assert request.headers["If-Match"] == self.etag
            first = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        size = len(self.content)
        headers = {"ETag": self.etag, "Content-Length": str(size - first)}
        if first:
            headers["Content-Range"] = f"bytes {first}-{size - 1}/{size}"
        rest = self.content[first:]
        cut = self.cuts.pop(0) if self.cuts else len(rest)
        return httpx.Response(206 if first else 200, headers=headers, stream=Cut(rest, cut))


def test_both_clients_follow_the_link_without_the_key(tmp_path: Path) -> None:
    storage, progress = Storage(), list[Progress]()
    paths = both(
        storage,
        lambda c: c.download(REQUEST, tmp_path / "1.wav", progress.append),
        lambda c: c.download(REQUEST, tmp_path / "2.wav"),
    )
    assert paths == [tmp_path / "1.wav", tmp_path / "2.wav"]
    assert all(path.read_bytes() == CONTENT for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 2, "no part is left"
    assert progress[0] == Progress(0, len(CONTENT))
    assert progress[-1] == Progress(len(CONTENT), len(CONTENT))


def test_a_broken_connection_is_followed_by_a_request_for_the_rest(
    tmp_path: Path, pauses: Pauses
) -> None:
    storage = Storage(100, 3000)
    with client(storage) as one:
        one.download(REQUEST, tmp_path / "r.wav")
    assert (tmp_path / "r.wav").read_bytes() == CONTENT
    ranges = [r.headers.get("Range") for r in storage.requests if r.url.port != 7071]
    assert ranges == [None, "bytes=100-", "bytes=3100-"]


def test_a_later_download_goes_on(tmp_path: Path, pauses: Pauses) -> None:
    storage = Storage(5000, *[0] * 10)
    with client(storage) as one:
        with pytest.raises(UnreachableError):
            one.download(REQUEST, tmp_path / "r.wav")
        assert (tmp_path / "r.wav.part").read_bytes() == CONTENT[:5000]
        assert not (tmp_path / "r.wav").exists()
        storage.cuts.clear()
        one.download(REQUEST, tmp_path / "r.wav")
    assert storage.requests[-1].headers["Range"] == "bytes=5000-"
    assert (tmp_path / "r.wav").read_bytes() == CONTENT
    assert len(pauses) == 6, "one after bytes came, and five without any"


def test_another_version_is_downloaded_from_its_beginning(tmp_path: Path, pauses: Pauses) -> None:
    storage = Storage(5000, *[0] * 10)
    with client(storage) as one:
        with pytest.raises(UnreachableError):
            one.download(REQUEST, tmp_path / "r.wav")
        storage.cuts.clear()
        storage.content, storage.etag = CONTENT[::-1], '"two"'
        one.download(REQUEST, tmp_path / "r.wav")
    assert (tmp_path / "r.wav").read_bytes() == CONTENT[::-1]


def test_a_part_of_no_known_version_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "r.wav.part").write_bytes(b"something else")
    with client(Storage()) as one:
        one.download(REQUEST, tmp_path / "r.wav")
    assert (tmp_path / "r.wav").read_bytes() == CONTENT


def test_a_file_that_ends_early_again_and_again_is_an_error(tmp_path: Path, pauses: Pauses) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        headers = {"ETag": '"one"', "Content-Range": "bytes 9-9/4"}
        return httpx.Response(206, headers=headers, content=b"x")

    with client(handler) as one, pytest.raises(DownloadError, match=r"r\.wav ended after 0 bytes"):
        one.download(REQUEST, tmp_path / "r.wav")


def test_an_answer_without_a_version_or_a_length_is_taken_whole(tmp_path: Path) -> None:
    with client(lambda _: httpx.Response(200, stream=Cut(b"WEBVTT", 6))) as one:
        one.download(REQUEST, tmp_path / "t.vtt")
    assert (tmp_path / "t.vtt").read_bytes() == b"WEBVTT"
    assert [path.name for path in tmp_path.iterdir()] == ["t.vtt"]


def test_a_file_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    one = client(lambda _: problem(404, "no_result"))
    with pytest.raises(ProblemError, match="no_result"):
        one.download(REQUEST, tmp_path / "r.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_has_expired_is_an_error(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.port == 7071:
            return httpx.Response(307, headers={"Location": "https://blobs.example/r.wav?sig=s"})
        return httpx.Response(403, text="<Error/>")

    with client(handler) as one, pytest.raises(ProblemError) as raised:
        one.download(REQUEST, tmp_path / "r.wav")
    assert "sig=" not in str(raised.value)


def test_it_waits_for_a_recording_that_is_being_converted(tmp_path: Path, pauses: Pauses) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if sum(pauses) < 240:
            return problem(503, "rendition_pending", Retry_After="60")
        return httpx.Response(200, stream=Cut(CONTENT, len(CONTENT)))

    with client(handler) as one:
        one.download(REQUEST, tmp_path / "r.mp3")
    assert pauses == [60.0] * 4
