"""Tokens: a valid one verifies against the published keys; each fault fails in its own way."""

from __future__ import annotations

import time
from typing import get_args

import jwt
import pytest

from local.emulator.faults import TokenFault
from local.emulator.keys import CALLBACK_SECONDS, MEDIA_SECONDS, SigningKeys

ISSUER, AUDIENCE = "https://issuer.example", "resource"


@pytest.fixture(scope="module")
def keys() -> SigningKeys:
    return SigningKeys(ISSUER, AUDIENCE)


def decode(keys: SigningKeys, authorization: str | None) -> dict[str, object]:
    """Verify a token as a careful receiver does."""
    assert authorization is not None
    scheme, _, token = authorization.partition(" ")
    assert scheme == "Bearer"
    key_id = jwt.get_unverified_header(token)["kid"]
    published = {key["kid"]: key for key in keys.key_set()["keys"]}
    claims: dict[str, object] = jwt.decode(
        token,
        jwt.PyJWK(published[key_id]),
        algorithms=["RS256"],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"require": ["exp", "nbf", "iat"]},
    )
    return claims


def test_a_token_verifies_and_lives_as_long_as_it_should(keys: SigningKeys) -> None:
    claims = decode(keys, keys.sign_authorization(CALLBACK_SECONDS))
    assert (claims["iss"], claims["aud"]) == (ISSUER, AUDIENCE)
    assert claims["exp"] - claims["iat"] == CALLBACK_SECONDS  # type: ignore[operator]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("alg_none", jwt.InvalidAlgorithmError),
        ("hs256_with_public_key", jwt.InvalidAlgorithmError),
        ("wrong_key", jwt.InvalidSignatureError),
        ("unknown_kid", KeyError),
        ("expired", jwt.ExpiredSignatureError),
        ("not_yet_valid", jwt.ImmatureSignatureError),
        ("wrong_issuer", jwt.InvalidIssuerError),
        ("wrong_audience", jwt.InvalidAudienceError),
        ("missing_claim", jwt.MissingRequiredClaimError),
    ],
)
def test_a_forged_token_fails(keys: SigningKeys, fault: TokenFault, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode(keys, keys.sign_authorization(CALLBACK_SECONDS, fault))


def test_the_other_faults(keys: SigningKeys) -> None:
    assert keys.sign_authorization(CALLBACK_SECONDS, "none") is None
    claims = decode(keys, keys.sign_authorization(CALLBACK_SECONDS, "too_long"))
    assert int(str(claims["exp"])) > time.time() + MEDIA_SECONDS - 60


def test_every_fault_has_an_effect(keys: SigningKeys) -> None:
    claims = decode(keys, keys.sign_authorization(CALLBACK_SECONDS))
    for fault in get_args(TokenFault):
        try:
            forged = decode(keys, keys.sign_authorization(CALLBACK_SECONDS, fault))
        except (jwt.PyJWTError, KeyError, AssertionError):
            continue
        assert forged["exp"] != claims["exp"], fault


def test_a_new_key_signs_and_the_old_one_stays_published_unless_removed() -> None:
    keys = SigningKeys(ISSUER, AUDIENCE)
    old = keys.sign_authorization(60)
    keys.rotate()
    decode(keys, old)
    decode(keys, keys.sign_authorization(60))
    assert len(keys.key_set()["keys"]) == 2
    keys.rotate(keep_old=False)
    with pytest.raises(KeyError):
        decode(keys, old)
    assert keys.openid_configuration("http://base")["jwks_uri"] == "http://base/calling/keys"
