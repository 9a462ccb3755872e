"""Who sends a request, and the roles that each route asks for."""

from __future__ import annotations

import runpy
from pathlib import Path

import azure.functions as func
import pytest

from calls.function_keys import key_digest
from calls.http.principals import (
    PUBLIC,
    ROUTES,
    authorize,
    identify,
    request_address,
    request_principal,
    request_roles,
)
from calls.http.problems import Problem
from calls.principals import ROLES, Principal, Role
from calls.settings import Settings

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
    request = request_with()
    identify(Settings(), request)
    with pytest.raises(KeyError):
        authorize(Settings(), request, "erase_everything")


def test_a_key_without_a_name_is_known_by_its_fingerprint_alone() -> None:
    first, same = request_with(x_functions_key="k" * 43), request_with(x_functions_key="k" * 43)
    query = func.HttpRequest("GET", "/", params={"code": "k" * 43}, body=b"")
    other = request_with(x_functions_key="l" * 43)
    ids = []
    for request in (first, same, query, other):
        identify(Settings(), request)
        assert request_roles(request) == {"Admin"}
        principal = request_principal(request)
        assert (principal.kind, principal.name) == ("key", "unnamed key")
        ids.append(principal.id)
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert "kkk" not in ids[0]


NAMED = Settings(
    function_keys=",".join(
        f"{name}={key_digest(name)}" for name in ("Caller", "Listener-crm", "Auditor", "Admin")
    )
)


@pytest.mark.parametrize(
    ("name", "role"), [("Caller", "Caller"), ("Listener-crm", "Listener"), ("Admin", "Admin")]
)
def test_a_key_s_name_says_its_role(name: str, role: str) -> None:
    identity = identify(NAMED, request_with(x_functions_key=name))
    assert identity.principal == Principal(kind="key", id=name, name=name)
    assert identity.roles == {role}


@pytest.mark.parametrize("key", ["default", "", "Caller,Admin", "caller"])
def test_with_names_any_other_key_has_no_role(key: str) -> None:
    """The host's master key, a key that somebody has added, and two headers, which it joins."""
    request = request_with(x_functions_key=key)
    assert identify(NAMED, request).roles == frozenset()
    with pytest.raises(Problem, match="you have no role"):
        authorize(NAMED, request, "show_me")


def test_the_header_wins_over_the_query_as_it_does_for_the_host() -> None:
    request = func.HttpRequest(
        "GET", "/", headers={"x-functions-key": "Caller"}, params={"code": "Admin"}, body=b""
    )
    assert identify(NAMED, request).roles == {"Caller"}


def test_the_principal_of_a_request_that_was_not_identified_is_not_known() -> None:
    with pytest.raises(KeyError):
        request_principal(request_with())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", [name for name, access in ROUTES.items() if access.roles])
def test_each_role_may_use_the_routes_that_ask_for_it_and_no_others(route: str, role: Role) -> None:
    name = "Listener-crm" if role == "Listener" else role
    request = request_with(x_functions_key=name)
    identify(NAMED, request)
    if role in (ROUTES[route].roles or ()):
        authorize(NAMED, request, route)
    else:
        with pytest.raises(Problem, match=f"this needs the role .*; you have {role}") as refusal:
            authorize(NAMED, request, route)
        assert (refusal.value.status, refusal.value.code) == (403, "role_required")


def test_audio_and_words_are_for_listeners_and_the_trail_is_for_auditors() -> None:
    """Not derived from the table: what must not change by mistake."""
    roles = {name: access.roles or frozenset() for name, access in ROUTES.items()}
    for route in ("send_recording", "send_segment", "create_links", "show_transcript"):
        assert roles[route] == {"Listener", "Admin"}
    assert roles["read_audit"] == {"Auditor", "Admin"}
    assert roles["place_call"] == roles["hang_up"] == {"Caller", "Admin"}
    assert all("Admin" in its for name, its in roles.items() if ROUTES[name].roles is not None)


def test_what_changes_or_gives_out_audio_is_recorded() -> None:
    """A route that is not GET changes something; those below give out audio, words or the trail."""
    app = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    for function in app.get_functions():
        trigger = function.get_trigger().get_dict_repr()
        name = function.get_function_name()
        if trigger["type"] != "httpTrigger" or ROUTES[name].roles is None:
            continue
        methods = {str(getattr(method, "value", method)) for method in trigger.get("methods") or ()}
        if name != "unknown_route":
            expected = {"never", "read"} if "GET" in methods else {"change", "stop"}
            assert ROUTES[name].recording in expected, name
    reads = {name for name, access in ROUTES.items() if access.recording == "read"}
    assert reads == {
        "read_audit",
        "export_call",
        "export_calls",
        "send_recording",
        "send_segment",
        "show_timeline",
        "show_transcript",
        "show_transcript_as",
    }


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
