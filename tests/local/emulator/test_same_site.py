"""Which Host and Origin may use the control interface."""

from __future__ import annotations

import pytest

from local.emulator.errors import AcsError
from local.emulator.same_site import check_site


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8090", None),
        ("127.8.0.1", None),
        ("localhost:8090", None),
        ("LOCALHOST", None),
        ("[::1]:8090", None),
        ("127.0.0.1:8090", "http://127.0.0.1:8090"),
    ],
)
def test_programs_here_may_use_it(host: str, origin: str | None) -> None:
    check_site(host, origin)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("", None),
        ("attacker.example:8090", None),
        ("127.0.0.1.attacker.example", None),
        ("localhost.attacker.example", None),
        ("attacker.example@127.0.0.1:x", None),
        ("192.168.0.7:8090", None),
        ("[fe80::1]", None),
        ("attacker.example", "http://attacker.example"),
        ("127.0.0.1:8090", "https://attacker.example"),
        ("127.0.0.1:8090", "http://127.0.0.1:3000"),
        ("127.0.0.1:8090", "https://127.0.0.1:8090"),
        ("127.0.0.1:8090", "null"),
        ("127.0.0.1:8090", ""),
    ],
)
def test_websites_may_not(host: str, origin: str | None) -> None:
    with pytest.raises(AcsError) as error:
        check_site(host, origin)
    assert error.value.status == 403
