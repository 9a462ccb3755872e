"""Sending to a webhook: where a request may go, and what comes of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from calls.events.outcomes import DELIVERED
from calls.events.sender import WebhookSender
from tests.calls.events.post_office import Receiver

NOT_PERMITTED = "the host's address is not permitted (WEBHOOK_ADDRESSES)"


class Names(AbstractResolver):
    """Resolves every host to one address after the other; the last one stays."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        if not address:
            raise OSError("no such host")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_body_is_posted_with_its_headers(receiver: Receiver) -> None:
    async with WebhookSender("any") as sender:
        assert await sender.send(receiver.url, b"body", {"webhook-id": "evt_1"}) is DELIVERED
    (received,) = receiver.received
    assert (received.body, received.headers["webhook-id"]) == (b"body", "evt_1")
    assert "cookie" not in received.headers


@pytest.mark.parametrize("addresses", ["public", "private"])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"]
)
async def test_this_computer_is_never_reached_however_it_is_written(
    receiver: Receiver, addresses: Any, host: str
) -> None:
    url = f"http://{host}:{receiver.port}/hook"
    async with WebhookSender(addresses) as sender:
        outcome = await sender.send(url, b"{}", {})
    assert outcome.error is not None
    assert receiver.received == []


async def test_a_name_that_stands_for_this_computer_is_refused_as_it_is_connected_to(
    receiver: Receiver,
) -> None:
    """The name is resolved once: what is checked is what the socket connects to."""
    names = Names("127.0.0.1")
    async with WebhookSender("public", resolver=names) as sender:
        for _ in range(2):
            outcome = await sender.send(f"http://hooks.example:{receiver.port}/hook", b"{}", {})
            assert outcome.error == NOT_PERMITTED
    assert (receiver.received, names.asked) == ([], 2)


async def test_a_name_that_changes_between_two_looks_is_looked_at_only_once(
    receiver: Receiver,
) -> None:
    """Its second address, which a later look would find, is the one of a server that refuses."""
    names = Names("127.0.0.1", "127.0.0.2")
    async with WebhookSender("any", resolver=names) as sender:
        url = f"http://hooks.example:{receiver.port}/hook"
        assert await sender.send(url, b"{}", {}) is DELIVERED
        assert names.asked == 1
        assert await sender.send(url, b"{}", {}) != DELIVERED, "nor is an old look remembered"
    assert names.asked == 2


async def test_a_host_that_is_unknown_refuses_or_does_not_answer(receiver: Receiver) -> None:
    release = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    closed = Receiver()
    async with (
        Receiver(hang) as slow,
        WebhookSender("any", timeout_seconds=0.2) as impatient,
        WebhookSender("any", resolver=Names("")) as sender,
    ):
        assert (await impatient.send(slow.url, b"{}", {})).error == "no answer within 0.2 s"
        unknown = await sender.send("http://hooks.example/hook", b"{}", {})
        assert unknown.error == "the host's name cannot be resolved"
        assert (await sender.send(closed.url, b"{}", {})).error == "no connection"
        malformed = await sender.send("http://[/hook", b"{}", {})
        assert malformed.error is not None
        release.set()
    await closed.close()


async def test_an_answer_that_never_ends_is_not_read(receiver: Receiver) -> None:
    release = asyncio.Event()

    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        await response.write(b"x")
        await release.wait()
        return response

    async with Receiver(pour) as endless, WebhookSender("any", timeout_seconds=60) as sender:
        assert await sender.send(endless.url, b"{}", {}) is DELIVERED
        release.set()


@pytest.fixture
async def impostor(tmp_path: Path) -> AsyncIterator[int]:
    """An HTTPS server whose certificate nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    runner = web.AppRunner(web.Application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    address: Any = runner.addresses[0]
    yield int(address[1])
    await runner.cleanup()


async def test_a_certificate_that_nobody_trusts_is_refused(impostor: int) -> None:
    async with WebhookSender("any") as sender:
        outcome = await sender.send(f"https://127.0.0.1:{impostor}/hook", b"{}", {})
    assert outcome.error == "the TLS handshake failed"
