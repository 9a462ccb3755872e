"""The names of function keys in the setting FUNCTION_KEYS."""

from __future__ import annotations

import hashlib

import pytest

from calls.function_keys import NamedKey, find_key, key_digest, parse_function_keys

DIGEST = hashlib.sha256(b"a key").hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()


def test_a_name_is_a_role_or_begins_with_one() -> None:
    keys = parse_function_keys(f"Caller={DIGEST}, Listener-crm.eu={OTHER},")
    assert keys == (
        NamedKey("Caller", "Caller", DIGEST),
        NamedKey("Listener-crm.eu", "Listener", OTHER),
    )
    assert parse_function_keys("") == ()


def test_a_name_has_two_keys_while_one_replaces_the_other() -> None:
    keys = parse_function_keys(f"Caller={DIGEST},Caller={OTHER}")
    assert [key.name for key in keys] == ["Caller", "Caller"]


@pytest.mark.parametrize(
    "text",
    [
        f"caller={DIGEST}",
        f"Callers={DIGEST}",
        f"Caller-={DIGEST}",
        f"default={DIGEST}",
        f"Caller={DIGEST.upper()}",
        f"Caller={DIGEST[:-1]}",
        f"Caller:{DIGEST}",
        f"Caller-ü={DIGEST}",
        f"Caller={DIGEST};Admin={OTHER}",
        "Caller=the-key-itself-by-mistake",
    ],
)
def test_a_wrong_entry_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="entry 2 is not NAME=SHA256") as error:
        parse_function_keys(f"Auditor={'0' * 64},{text}")
    assert text not in str(error.value)
    assert "mistake" not in str(error.value)


def test_a_key_with_two_names_is_refused() -> None:
    with pytest.raises(ValueError, match="Caller and Admin are the same key"):
        parse_function_keys(f"Caller={DIGEST},Admin={DIGEST}")


def test_a_key_is_found_by_its_digest() -> None:
    keys = parse_function_keys(f"Caller={DIGEST},Admin={OTHER}")
    assert key_digest("a key") == DIGEST
    assert find_key(keys, "a key") == keys[0]
    assert find_key(keys, "another") == keys[1]
    assert find_key(keys, DIGEST) is None
    assert find_key(keys, "") is None
