"""Who sends a request, and the roles that each route asks for."""

from __future__ import annotations

import runpy
from pathlib import Path

import azure.functions as func
import pytest

from calls.http import principals
from calls.http.principals import PUBLIC, ROUTES, authorize, request_address, request_principal
from calls.http.problems import Problem
from calls.principals import Principal

ROOT = Path(__file__).parents[3]


def request_with(**headers: str) -> func.HttpRequest:
    """A request with these headers; ``_`` stands for ``-``."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest("GET", "/", headers=names, body=b"")


def test_every_function_with_a_route_asks_for_a_role_or_is_public() -> None:
    registered = runpy.run_path(str(ROOT / "function_app.py"))["app"].get_functions()
    names = {
        function.get_function_name()
        for function in registered
        if function.get_trigger().get_dict_repr()["type"] == "httpTrigger"
    }
    assert ROUTES.keys() == names
    public = {name for name, access in ROUTES.items() if access == PUBLIC}
    assert public == {
        "health",
        "receive_callbacks",
        "show_console",
        "show_console_file",
        "show_openapi",
    }


def test_a_route_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(KeyError):
        authorize(request_with(), "erase_everything")


def test_a_key_without_a_name_is_known_by_its_fingerprint_alone() -> None:
    first, same = request_with(x_functions_key="k" * 43), request_with(x_functions_key="k" * 43)
    query = func.HttpRequest("GET", "/", params={"code": "k" * 43}, body=b"")
    other = request_with(x_functions_key="l" * 43)
    ids = []
    for request in (first, same, query, other):
        authorize(request, "list_calls")
        principal = request_principal(request)
        assert (principal.kind, principal.name) == ("key", "unnamed key")
        ids.append(principal.id)
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert "kkk" not in ids[0]


def test_the_principal_of_a_request_that_was_not_authorized_is_not_known() -> None:
    with pytest.raises(KeyError):
        request_principal(request_with())


def test_a_principal_without_a_role_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    principal = Principal(kind="key", id="Auditor", name="Auditor")
    identity = principals.Identity(principal, frozenset({"Auditor"}), None)
    monkeypatch.setattr(principals, "_identify", lambda _: identity)
    assert authorize(request_with(), "list_calls") is identity
    with pytest.raises(Problem, match="this needs the role Admin or Caller") as refusal:
        authorize(request_with(), "place_call")
    assert (refusal.value.status, refusal.value.code) == (403, "role_required")


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7:50123", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.7"),
        ("10.0.0.1, 198.51.100.2:1, 203.0.113.7:50123", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113.7:50123, evil", None),
        ("", None),
        ("+15551230000", None),
    ],
)
def test_the_address_is_the_one_that_app_service_adds(forwarded: str, address: str | None) -> None:
    assert request_address(request_with(x_forwarded_for=forwarded)) == address
