"""Addresses that webhooks may be sent to."""

from __future__ import annotations

import pytest

from calls.events.addresses import is_permitted

PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]
PRIVATE = ["10.0.0.4", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1"]
NEVER = [
    "127.0.0.1",
    "127.1.2.3",
    "::1",
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "168.63.129.16",
    "100.64.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.4",
    "::ffff:93.184.216.34",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::1",
    "2001:db8::1",
    "fec0::1",
    "::ffff:0:7f00:1",
    "::ffff:0:10.0.0.4",
    "5f00::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert is_permitted(address, "public")
    assert is_permitted(address, "private")


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_permitted_only_by_the_setting(address: str) -> None:
    assert not is_permitted(address, "public")
    assert is_permitted(address, "private")


@pytest.mark.parametrize("address", NEVER)
def test_what_only_this_computer_or_its_platform_may_reach_is_never_permitted(address: str) -> None:
    assert not is_permitted(address, "public")
    assert not is_permitted(address, "private")


def test_everything_is_permitted_in_local_development() -> None:
    assert all(is_permitted(address, "any") for address in [*PUBLIC, *PRIVATE, *NEVER])
