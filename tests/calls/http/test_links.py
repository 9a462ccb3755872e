"""Links to audio, signed as in Azure: by a user delegation key, over HTTPS, against Azurite."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import azure.functions as func
import jwt
import msgspec
import pytest
import pytest_asyncio
from azure.core.credentials import AccessToken
from azure.storage.blob.aio import BlobServiceClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from calls import blobs, links
from calls.clients import Clients
from calls.http.problems import Problem
from calls.records import new_record
from calls.settings import Settings
from calls.storage import Storage
from contract import names
from local.ports import HOST, free_ports

AZURITE = Path(__file__).parents[2] / "node_modules/azurite/dist/src/blob/main.js"
CALL = "a-call"
SEGMENT = f"{CALL}/20260301T120000000Z-00000000/mixed/20260301T120000.000Z.wav"
OTHER = SEGMENT.replace(CALL, "another-call")
CONTENT = b"RIFF of sorts"


class Identity:
    """A managed identity as Azurite's ``--oauth basic`` takes it: its claims are checked."""

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


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of the loopback address, signed by itself, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False
        )
        .sign(key, hashes.SHA256())
    )
    crt, pem = folder / "crt.pem", folder / "key.pem"
    crt.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return crt, pem


class Azure(msgspec.Struct):
    """Blob Storage that knows identities and speaks HTTPS only."""

    url: str
    crt: str


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder = tmp_path_factory.mktemp("azure")
    crt, key = certificate(folder)
    (port,) = free_ports(1)
    options = ["--oauth", "basic", "--cert", str(crt), "--key", str(key), "--inMemoryPersistence"]
    process = subprocess.Popen(
        ["node", str(AZURITE), "--blobPort", str(port), "--skipApiVersionCheck", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = ""
        while "successfully" not in said:
            line = process.stdout.readline()
            said += line
            assert line, said
        yield Azure(f"https://{HOST}:{port}/devstoreaccount1", str(crt))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest_asyncio.fixture
async def clients(azure: Azure) -> AsyncIterator[Clients]:
    identity: Any = Identity()
    async with BlobServiceClient(azure.url, identity, connection_verify=azure.crt) as service:
        clients = Clients(
            Settings(
                audio_storage_blob_service_uri=azure.url,
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


async def ask(clients: Clients, call: str = CALL, **body: Any) -> dict[str, Any]:
    request = func.HttpRequest(
        "POST", "/", route_params={"id": call}, body=json.dumps(body).encode()
    )
    answer = await links.create_links(clients, request)
    document: dict[str, Any] = json.loads(answer.get_body())
    return document


async def status(azure: Azure, method: str, url: str) -> int:
    trusted = ssl.create_default_context(cafile=azure.crt)
    headers = {"x-ms-blob-type": "BlockBlob"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, ssl=trusted, headers=headers) as answer,
    ):
        if method == "GET" and answer.status == 200:
            assert await answer.read() == CONTENT
        return answer.status


async def test_a_link_reads_its_blob_and_does_nothing_else(clients: Clients, azure: Azure) -> None:
    answer = await ask(clients)
    ((blob, url),) = [(link["blob"], link["url"]) for link in answer["links"]]
    assert blob == f"segments/{SEGMENT}"
    assert await status(azure, "GET", url) == 200
    assert await status(azure, "PUT", url) == 403
    assert await status(azure, "DELETE", url) == 403
    assert await status(azure, "GET", url.replace(CALL, "another-call")) == 403
    assert await status(azure, "GET", url.partition("?")[0]) in (401, 403, 404)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (asked["sp"], asked["sr"], asked["spr"]) == ("r", "b", "https")
    assert asked["skoid"] == "23657296-5cd5-45b0-a809-d972a7f4dfe1", "no account key signs it"
    lives = dt.datetime.fromisoformat(asked["se"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=9) < lives <= dt.timedelta(minutes=10)
    assert dt.datetime.fromisoformat(answer["expires_at"]) == dt.datetime.fromisoformat(asked["se"])


async def test_a_link_ends(clients: Clients, azure: Azure) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    (url,) = await sign_links(clients.storage.service, [f"segments/{SEGMENT}"], soon)
    assert await status(azure, "GET", url) == 200
    async with asyncio.timeout(5):
        while await status(azure, "GET", url) == 200:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)
    assert dt.datetime.now(dt.UTC) > soon - dt.timedelta(seconds=1), "its end has whole seconds"
    assert await status(azure, "GET", url) == 403


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
async def test_no_blob_but_the_call_s_own_audio(clients: Clients, blob: str) -> None:
    with pytest.raises(Problem) as refused:
        await ask(clients, blobs=[f"segments/{SEGMENT}", blob])
    assert refused.value.status == 400
    assert refused.value.errors is not None
    assert [error["field"] for error in refused.value.errors] == ["blobs"]


@pytest.mark.parametrize("blobs", [[], "x", [1], {"a": 1}, ["x"] * (links.MAX_LINKS + 1)])
async def test_blobs_is_a_list_of_texts(clients: Clients, blobs: Any) -> None:
    with pytest.raises(Problem) as refused:
        await ask(clients, blobs=blobs)
    assert refused.value.status == 400


@pytest.mark.parametrize("call", ["nothing", "..", "a/b", ""])
async def test_no_such_call(clients: Clients, call: str) -> None:
    with pytest.raises(Problem) as refused:
        await ask(clients, call)
    assert refused.value.status == 404
