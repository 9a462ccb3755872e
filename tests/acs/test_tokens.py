"""Bearer tokens, against a real key server on loopback: which are accepted, and why not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from acs.errors import InvalidToken, KeysUnavailable, TokenError
from acs.tokens import TokenVerifier

AUDIENCE = "11111111-2222-3333-4444-555555555555"
ISSUER = "https://issuer.test"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class KeyServer:
    """Publishes an OpenID configuration and keys."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {"k1": new_key()}
        self.requests = 0
        self.down = False
        self.slow_seconds = 0.0
        self.size = 0
        self.lifetime_seconds = 300.0
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/openid", self._openid)
        app.router.add_get("/keys", self._keys)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        port = self.runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def _openid(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": ISSUER, "jwks_uri": self.url + "/keys"})

    async def _keys(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        if self.down:
            return web.Response(status=503)
        keys = []
        for kid, key in self.keys.items():
            jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            keys.append(jwk | {"kid": kid, "use": "sig"})
        body = json.dumps({"keys": keys}).encode().ljust(self.size)
        answer = web.StreamResponse()
        await answer.prepare(request)
        # Like on a real network: not all at once.
        for part in (body[:100], body[100:]):
            await answer.write(part)
            await asyncio.sleep(self.slow_seconds)
        return answer

    def sign(self, kid: str = "k1", key: Any = None, alg: str = "RS256", **changes: Any) -> str:
        claims: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE}
        claims |= {"exp": time.time() + self.lifetime_seconds} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(
            claims, self.keys[kid] if key is None else key, algorithm=alg, headers={"kid": kid}
        )
        return f"Bearer {token}"


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    await server.start()
    yield server
    await server.runner.cleanup()


def verifier(server: KeyServer, **options: Any) -> TokenVerifier:
    options.setdefault("keys_url", server.url + "/openid")
    return TokenVerifier(audience=AUDIENCE, issuer=ISSUER, leeway_seconds=5, **options)


async def refusal(verifier: TokenVerifier, authorization: str | None) -> str:
    with pytest.raises(InvalidToken) as refused:
        await verifier.verify(authorization)
    if authorization:
        assert authorization.split()[-1] not in str(refused.value)
    return refused.value.reason


async def test_a_valid_token_is_accepted_and_its_key_is_cached(server: KeyServer) -> None:
    checker = verifier(server)
    for _ in range(20):
        assert (await checker.verify(server.sign()))["aud"] == AUDIENCE
    assert server.requests == 1


async def test_the_url_may_be_that_of_the_key_set(server: KeyServer) -> None:
    checker = verifier(server, keys_url=server.url + "/keys")
    await checker.verify(server.sign())


async def test_a_key_set_that_arrives_in_parts_is_read_completely(server: KeyServer) -> None:
    server.slow_seconds = 0.05
    await verifier(server).verify(server.sign())


async def test_a_key_set_that_is_too_large_is_not_read(server: KeyServer) -> None:
    server.size = 300_000
    with pytest.raises(KeysUnavailable):
        await verifier(server).verify(server.sign())


def hs256_with_the_public_key(server: KeyServer) -> str:
    """Sign with the public key as an HMAC secret: algorithm confusion. PyJWT refuses to."""
    import base64
    import hashlib
    import hmac

    secret = (
        server.keys["k1"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
    body = part(json.dumps({"iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 60}).encode())
    mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"Bearer {head}.{body}.{part(mac)}"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda s: None, "missing"),
        (lambda s: "", "missing"),
        (lambda s: "Bearer", "malformed"),
        (lambda s: "Basic abc", "malformed"),
        (lambda s: "Bearer not.a.token", "malformed"),
        (lambda s: s.sign() + "\udcff", "malformed"),
        (lambda s: "Bearer " + "x" * 20_000, "malformed"),
        (lambda s: s.sign(key="", alg="none"), "algorithm"),
        (hs256_with_the_public_key, "algorithm"),
        (lambda s: s.sign(alg="RS512"), "algorithm"),
        (lambda s: s.sign(key=new_key()), "signature"),
        (lambda s: s.sign(kid="k9", key=new_key()), "unknown_key"),
        (lambda s: s.sign(exp=time.time() - 60), "expired"),
        (lambda s: s.sign(nbf=time.time() + 60), "not_yet_valid"),
        (lambda s: s.sign(iss="https://evil.test"), "issuer"),
        (lambda s: s.sign(aud="another"), "audience"),
        (lambda s: s.sign(exp=None), "claims"),
        (lambda s: s.sign(aud=None), "claims"),
    ],
)
async def test_refusals(server: KeyServer, make: Any, reason: str) -> None:
    assert await refusal(verifier(server), make(server)) == reason


@pytest.mark.parametrize(
    ("make", "reason", "is_signed", "is_forged"),
    [
        (lambda s: s.sign(), None, True, False),
        (lambda s: None, "missing", False, False),
        (lambda s: "Bearer not.a.token", "malformed", False, False),
        (lambda s: s.sign(key="", alg="none"), "algorithm", False, True),
        (hs256_with_the_public_key, "algorithm", False, True),
        (lambda s: s.sign(alg="RS512"), "algorithm", False, False),
        (lambda s: s.sign(key=new_key()), "signature", False, True),
        (lambda s: s.sign(kid="k9", key=new_key()), "unknown_key", False, False),
        (lambda s: s.sign(exp=time.time() - 60), "expired", True, False),
        (lambda s: s.sign(nbf=time.time() + 60), "not_yet_valid", True, False),
        (lambda s: s.sign(iss="https://other.test"), "issuer", True, False),
        (lambda s: s.sign(aud="another"), "audience", True, False),
        (lambda s: s.sign(exp=None), "claims", True, False),
        (lambda s: s.sign(exp="soon"), "malformed", True, False),
        (lambda s: s.sign(exp=time.time() + 24 * 3600), "lifetime", True, False),
    ],
)
async def test_an_examination_tells_a_different_token_from_a_forged_one(
    server: KeyServer, make: Any, reason: str | None, is_signed: bool, is_forged: bool
) -> None:
    checker, authorization = verifier(server, longest_seconds=300), make(server)
    found = await checker.examine(authorization)
    refusal = None if found.refusal is None else found.refusal.reason
    assert (refusal, found.is_signed, found.is_forged) == (reason, is_signed, is_forged)
    if authorization is not None and reason != "malformed":
        assert found.claims.get("iss")
        assert found.header["alg"]


@pytest.mark.parametrize("part", ["header", "claims"])
async def test_a_deeply_nested_token_is_refused(server: KeyServer, part: str) -> None:
    import base64

    def encode(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    nested, header = "[" * 5000, '{"alg": "RS256", "kid": "k9"}'
    token = (
        f"{encode(nested)}.e30.eA" if part == "header" else f"{encode(header)}.{encode(nested)}.eA"
    )
    found = await verifier(server).examine(f"Bearer {token}")
    assert found.refusal is not None
    assert (found.refusal.reason, found.claims) == (
        "malformed" if part == "header" else "unknown_key",
        {},
    )


async def test_without_the_key_server_nothing_counts_as_signed(server: KeyServer) -> None:
    server.down = True
    found = await verifier(server).examine(server.sign())
    assert isinstance(found.refusal, KeysUnavailable)
    assert not found.is_signed


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 290}, None),
        ({"exp": 290, "iat": 0}, None),
        ({"exp": 290, "iat": -290}, "lifetime"),
        ({"exp": 24 * 3600}, "lifetime"),
        ({"exp": 24 * 3600, "iat": 0}, "lifetime"),
        ({"exp": 60, "iat": 60 - 24 * 3600}, "lifetime"),
    ],
)
async def test_a_token_with_a_longer_lifetime_is_refused(
    server: KeyServer, claims: dict[str, Any], reason: str | None
) -> None:
    checker = verifier(server, longest_seconds=300)
    stamps: dict[str, Any] = {name: time.time() + after for name, after in claims.items()}
    token = server.sign(**stamps)
    if reason is None:
        await checker.verify(token)
    else:
        assert await refusal(checker, token) == reason
    await verifier(server).verify(token)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 24 * 3600}, None),
        ({"exp": 24 * 3600, "iat": 0}, None),
        ({"exp": 60, "iat": 60 - 24 * 3600}, None),
        ({"exp": 300}, "lifetime"),
        ({"exp": 300, "iat": 0}, "lifetime"),
    ],
)
async def test_a_token_with_a_shorter_lifetime_is_refused(
    server: KeyServer, claims: dict[str, Any], reason: str | None
) -> None:
    """A callback's token does not open the media socket."""
    checker = verifier(server, shortest_seconds=300)
    token = server.sign(**{name: time.time() + after for name, after in claims.items()})
    if reason is None:
        await checker.verify(token)
    else:
        assert await refusal(checker, token) == reason
    await verifier(server).verify(token)


async def test_leeway_is_small(server: KeyServer) -> None:
    await verifier(server).verify(server.sign(exp=time.time() - 2))


async def test_keys_rotate_under_traffic(server: KeyServer) -> None:
    checker = verifier(server)
    await checker.verify(server.sign())
    for number, key_id in enumerate(("k2", "k3", "k4"), start=2):
        server.keys[key_id] = new_key()
        results = await asyncio.gather(*(checker.verify(server.sign(key_id)) for _ in range(20)))
        assert len(results) == 20
        assert server.requests == number, "twenty tokens of a new key cause one fetch"
    await checker.verify(server.sign("k1"))


async def test_forged_key_ids_do_not_flood_the_key_server(server: KeyServer) -> None:
    now = 0.0
    checker = verifier(server, clock=lambda: now)
    await checker.verify(server.sign())

    async def flood() -> None:
        forged = [server.sign(kid=f"forged-{n}", key=new_key_cached()) for n in range(25)]
        refused = await asyncio.gather(*(refusal(checker, token) for token in forged))
        assert set(refused) == {"unknown_key"}

    await flood()
    await flood()
    assert server.requests == 2
    now = 9.0
    await flood()
    assert server.requests == 2, "a flood neither delays nor hastens the next fetch"
    server.keys["k2"] = new_key()
    now = 10.5
    await checker.verify(server.sign("k2"))
    assert server.requests == 3


async def test_senders_that_hang_up_do_not_flood_the_key_server(server: KeyServer) -> None:
    checker = verifier(server)
    await checker.verify(server.sign())
    forged = server.sign(kid="forged", key=new_key_cached())
    for _ in range(20):
        gone = asyncio.create_task(checker.verify(forged))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    await refusal(checker, forged)
    assert server.requests <= 2


async def test_old_keys_are_fetched_again_in_the_background(server: KeyServer) -> None:
    now = 0.0
    checker = verifier(server, clock=lambda: now)
    await checker.verify(server.sign())
    withdrawn = server.sign()
    server.keys = {"k2": new_key()}
    now = 3601.0
    await checker.verify(withdrawn)
    assert checker._fetching is not None
    await checker._fetching
    await checker.verify(server.sign("k2"))
    assert server.requests == 2, "the new key was cached before it was needed"
    assert await refusal(checker, withdrawn) == "unknown_key", "the withdrawn one is refused"


async def test_an_empty_key_set_withdraws_no_key(server: KeyServer) -> None:
    now = 0.0
    checker = verifier(server, clock=lambda: now)
    token = server.sign()
    await checker.verify(token)
    server.keys = {}
    now = 3601.0
    for _ in range(3):
        await checker.verify(token)
        if checker._fetching is not None:
            await asyncio.wait([checker._fetching])
    assert server.requests == 2


_cached: list[rsa.RSAPrivateKey] = []


def new_key_cached() -> rsa.RSAPrivateKey:
    if not _cached:
        _cached.append(new_key())
    return _cached[0]


async def test_while_the_key_server_is_down_only_cached_keys_are_accepted(
    server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    checker = verifier(server, clock=lambda: now)
    await checker.verify(server.sign())
    server.down = True
    now = 31.0
    for _ in range(2):
        with pytest.raises(KeysUnavailable):
            await checker.verify(server.sign(kid="k2", key=new_key_cached()))
    await checker.verify(server.sign())
    assert server.requests == 2
    assert "signing_keys_fetch_failed " in caplog.text


async def test_verifying_with_a_known_key_takes_under_a_millisecond(server: KeyServer) -> None:
    checker = verifier(server)
    token = server.sign()
    await checker.verify(token)
    fastest = 1.0
    for _ in range(20):  # others may use the processor meanwhile, but hardly every time
        begun = time.process_time()
        for _ in range(10):
            await checker.verify(token)
        fastest = min(fastest, (time.process_time() - begun) / 10)
    assert fastest < 0.001


def test_the_reasons_not_to_accept_a_token_are_siblings() -> None:
    """A handler of InvalidToken must not answer 401 while the key server is down."""
    assert InvalidToken.__bases__ == KeysUnavailable.__bases__ == (TokenError,)
