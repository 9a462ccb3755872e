"""Links to audio, signed as in Azure: by a user delegation key, over HTTPS, against Azurite."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import re
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import msgspec
import pytest
import pytest_asyncio
from azure.core.credentials import AccessToken
from azure.storage.blob.aio import BlobServiceClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from calls import blobs
from calls.clients import Clients
from calls.http import links
from calls.records.model import new_record
from calls.results.links import sign_links
from calls.settings import Settings
from calls.storage import Storage
from contract import names
from local.ports import HOST
from tests.calls.handler_requests import decode_body, send_request

AZURITE = Path(__file__).parents[3] / "node_modules/azurite/dist/src/blob/main.js"
CALL = "a-call"
SEGMENT = f"{CALL}/20260301T120000000Z-00000000/mixed/20260301T120000.000Z.wav"
OTHER = SEGMENT.replace(CALL, "another-call")
CONTENT = b"RIFF of sorts"


class Identity:
    """A managed identity for Azurite's ``--oauth basic``, which checks the token's claims."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        now = int(time.time())
        claims = {
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
            "iat": now,
            "nbf": now - 60,
            "exp": now + 3600,
            "oid": "23657296-5cd5-45b0-a809-d972a7f4dfe1",
            "tid": "dd0d0df1-06c3-436c-8034-4b9a153097ce",
        }
        return AccessToken(jwt.encode(claims, "k" * 32, "HS256"), now + 3600)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Identity:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for the loopback address, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False
        )
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "crt.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


class SecureStorage(msgspec.Struct):
    """Azurite that requires identities and HTTPS, as Azure does; ``certificate`` is a path."""

    url: str
    certificate: str


@pytest.fixture(scope="module")
def secure_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureStorage]:
    folder = tmp_path_factory.mktemp("secure_storage")
    certificate, key = write_certificate(folder)
    options = [
        "--oauth",
        "basic",
        "--cert",
        str(certificate),
        "--key",
        str(key),
        "--inMemoryPersistence",
    ]
    process = subprocess.Popen(
        ["node", str(AZURITE), "--blobPort", "0", "--skipApiVersionCheck", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        output = ""
        while "successfully" not in output:
            line = process.stdout.readline()
            output += line
            assert line, output
        (origin,) = re.findall(rf"https://{HOST}:\d+", output.splitlines()[-1])
        yield SecureStorage(f"{origin}/devstoreaccount1", str(certificate))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest_asyncio.fixture
async def clients(secure_storage: SecureStorage) -> AsyncIterator[Clients]:
    identity: Any = Identity()
    async with BlobServiceClient(
        secure_storage.url, identity, connection_verify=secure_storage.certificate
    ) as service:
        clients = Clients(
            Settings(
                audio_storage_blob_service_uri=secure_storage.url,
                acs_endpoint="https://acs.example",
                acs_token_audience="resource",
            )
        )
        clients.storage = Storage(service)
        await clients.storage.create_containers()
        record = new_record(CALL, dt.datetime.now(dt.UTC))
        blob = blobs.call_blob(CALL)
        await clients.storage.put(blobs.CALLS, blob, msgspec.json.encode(record))
        for name in (SEGMENT, OTHER):
            await clients.storage.put(names.SEGMENTS, name, CONTENT)
        yield clients


async def send(clients: Clients, call: str = CALL, **members: Any) -> tuple[int, dict[str, Any]]:
    body = json.dumps(members).encode()
    response = await send_request(clients, links.create_links, "POST", body=body, id=call)
    return response.status_code, decode_body(response)


async def request_status(secure_storage: SecureStorage, method: str, url: str) -> int:
    ssl_context = ssl.create_default_context(cafile=secure_storage.certificate)
    headers = {"x-ms-blob-type": "BlockBlob"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, ssl=ssl_context, headers=headers) as response,
    ):
        if method == "GET" and response.status == 200:
            assert await response.read() == CONTENT
        return response.status


async def test_the_links_are_to_what_was_recorded_not_to_renditions(clients: Clients) -> None:
    recording, rendition = blobs.recording_blob(CALL), blobs.rendition_blob(CALL, "mono.mp3")
    for name in (recording, rendition):
        await clients.storage.put(blobs.RECORDINGS, name, CONTENT)
    _, document = await send(clients)
    listed = [link["blob"] for link in document["links"]]
    for name in (recording, rendition):
        await clients.storage.delete(blobs.RECORDINGS, name)
    assert listed == [f"segments/{SEGMENT}", f"recordings/{recording}"]


async def test_a_link_allows_reading_its_blob_and_nothing_else(
    clients: Clients, secure_storage: SecureStorage
) -> None:
    status, document = await send(clients)
    assert status == 200
    ((blob, url),) = [(link["blob"], link["url"]) for link in document["links"]]
    assert blob == f"segments/{SEGMENT}"
    assert await request_status(secure_storage, "GET", url) == 200
    assert await request_status(secure_storage, "PUT", url) == 403
    assert await request_status(secure_storage, "DELETE", url) == 403
    assert await request_status(secure_storage, "GET", url.replace(CALL, "another-call")) == 403
    assert await request_status(secure_storage, "GET", url.partition("?")[0]) in (401, 403, 404)
    parameters = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (parameters["sp"], parameters["sr"], parameters["spr"]) == ("r", "b", "https")
    assert parameters["skoid"] == "23657296-5cd5-45b0-a809-d972a7f4dfe1", (
        "it is not signed with an account key"
    )
    lifetime = dt.datetime.fromisoformat(parameters["se"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=9) < lifetime <= dt.timedelta(minutes=10)
    assert dt.datetime.fromisoformat(document["expires_at"]) == dt.datetime.fromisoformat(
        parameters["se"]
    )


async def test_a_link_expires(clients: Clients, secure_storage: SecureStorage) -> None:
    # On a busy machine, a short time is over before the first request.
    for seconds in (2, 4, 8, 16, 32):
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        (url,) = await sign_links(clients.storage.service, [f"segments/{SEGMENT}"], soon)
        if (status := await request_status(secure_storage, "GET", url)) == 200:
            break
    assert status == 200
    async with asyncio.timeout(120):
        while await request_status(secure_storage, "GET", url) == 200:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)
    assert dt.datetime.now(dt.UTC) > soon - dt.timedelta(seconds=1), "its end has whole seconds"
    assert await request_status(secure_storage, "GET", url) == 403


@pytest.mark.parametrize(
    "blob",
    [
        f"segments/{OTHER}",
        f"segments/{CALL}/../{OTHER}",
        f"calls/{CALL}.json",
        f"segments/{CALL}/nothing.wav",
        "segments",
        "",
        "../",
    ],
)
async def test_a_link_to_anything_but_the_call_s_audio_is_refused(
    clients: Clients, blob: str
) -> None:
    status, problem = await send(clients, blobs=[f"segments/{SEGMENT}", blob])
    assert status == 400
    assert [error["field"] for error in problem["errors"]] == ["blobs"]


@pytest.mark.parametrize("blobs", [[], "x", [1], {"a": 1}, ["x"] * (links.MAX_LINKS + 1)])
async def test_blobs_must_be_a_list_of_strings(clients: Clients, blobs: Any) -> None:
    status, _ = await send(clients, blobs=blobs)
    assert status == 400


@pytest.mark.parametrize("call", ["nothing", "..", "a/b", ""])
async def test_no_such_call(clients: Clients, call: str) -> None:
    status, _ = await send(clients, call)
    assert status == 404
