"""Stream grants and their tokens."""

from __future__ import annotations

from datetime import UTC, datetime

from contract import grants


def test_a_grant_survives_encoding_and_decoding() -> None:
    grant = grants.new_grant(datetime.now(UTC))
    assert grant.call_connection_id is None
    assert grant.expires_at - grant.created_at == grants.LIFETIME
    assert grants.decode_grant(grants.encode_grant(grant)) == grant


def test_tokens_are_long_and_unique() -> None:
    tokens = {grants.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43
