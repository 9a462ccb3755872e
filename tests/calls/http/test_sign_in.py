"""Who App Service Authentication has signed in: its header, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import azure.functions as func
import msgspec
import pytest

from calls.http.problems import Problem
from calls.http.sign_in import read_signed_in, require_same_site
from calls.principals import Principal
from calls.settings import Settings

SETTINGS = Settings(authentication="entra", website_auth_enabled=True)
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
USER = "0a1b2c3d-0000-4000-8000-000000000001"


def header(*claims: tuple[str, str], auth_typ: str = "aad") -> str:
    """The header that App Service adds for a token with these claims."""
    content = {
        "auth_typ": auth_typ,
        "claims": [{"typ": typ, "val": val} for typ, val in claims],
        "name_typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    }
    return base64.b64encode(msgspec.json.encode(content)).decode()


def request_with(method: str = "GET", **headers: str) -> func.HttpRequest:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest(method, "/", headers=names, body=b"")


def signed_in(*claims: tuple[str, str]) -> tuple[Principal, frozenset[str]]:
    return read_signed_in(SETTINGS, request_with(X_MS_CLIENT_PRINCIPAL=header(*claims)))


def test_a_user_has_the_roles_of_the_token() -> None:
    principal, roles = signed_in(
        (OBJECT_ID, USER),
        ("preferred_username", "robin.ray@example.com"),
        ("roles", "Caller"),
        ("roles", "Listener"),
        ("roles", "Global Administrator"),
    )
    assert principal == Principal(kind="entra", id=USER, name="robin.ray@example.com")
    assert roles == {"Caller", "Listener"}


def test_roles_may_be_in_the_claim_of_microsoft_s_older_name() -> None:
    role = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    assert signed_in(("oid", USER), (role, "Auditor"))[1] == {"Auditor"}


def test_an_app_has_its_object_id_for_a_name() -> None:
    principal, roles = signed_in((OBJECT_ID, USER))
    assert (principal.name, roles) == (USER, frozenset())


@pytest.mark.parametrize("roles", ["admin", "Admin,Caller", "Admin ", '["Admin"]'])
def test_only_a_role_s_exact_name_counts(roles: str) -> None:
    assert signed_in((OBJECT_ID, USER), ("roles", roles))[1] == frozenset()


VALID = header((OBJECT_ID, USER), ("roles", "Admin"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "not_signed_in"),
        ("{}", "principal_malformed"),
        (f"{VALID},{VALID}", "principal_malformed"),
        (f"{VALID}, {VALID}", "principal_malformed"),
        (VALID[:-8], "principal_malformed"),
        (base64.b64encode(b"[" * 100_000).decode(), "principal_malformed"),
        (base64.b64encode(b"\xff\xfe").decode(), "principal_malformed"),
        (base64.b64encode(b'{"auth_typ":"aad"}').decode(), "principal_malformed"),
        (
            base64.b64encode(b'{"auth_typ":"aad","claims":[{"typ":1,"val":2}]}').decode(),
            "principal_malformed",
        ),
        (header(("roles", "Admin")), "principal_unknown"),
        (header((OBJECT_ID, USER), ("oid", "another"), ("roles", "Admin")), "principal_unknown"),
        (header((OBJECT_ID, USER), ("roles", "Admin"), auth_typ="github"), "principal_unknown"),
    ],
)
def test_a_header_that_app_service_would_not_send_is_refused(value: str, reason: str) -> None:
    with pytest.raises(Problem) as refusal:
        read_signed_in(SETTINGS, request_with(X_MS_CLIENT_PRINCIPAL=value))
    assert (refusal.value.status, refusal.value.code) == (401, "sign_in_required")
    assert refusal.value.reason == reason


def test_without_app_service_authentication_no_header_is_believed() -> None:
    settings: Any = Settings(authentication="entra")
    with pytest.raises(Problem, match="App Service Authentication is off") as refusal:
        read_signed_in(settings, request_with(X_MS_CLIENT_PRINCIPAL=VALID))
    assert refusal.value.code == "not_configured"


def test_a_change_needs_a_header_that_other_sites_cannot_send() -> None:
    for method in ("GET", "HEAD"):
        require_same_site(request_with(method))
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        require_same_site(request_with(method, X_Requested_With="call-audio"))
        require_same_site(request_with(method, Authorization="Bearer ey"))
        require_same_site(request_with(method, Authorization="bearer ey"))
        for headers in (
            {},
            {"Content_Type": "text/plain"},
            {"Cookie": "AppServiceAuthSession=x"},
            {"Authorization": "Basic eDp5"},
            {"Authorization": "Bearer"},
        ):
            with pytest.raises(Problem, match="X-Requested-With") as refusal:
                require_same_site(request_with(method, **headers))
            assert (refusal.value.status, refusal.value.code) == (403, "cross_site")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_page_of_another_site_gets_nothing_in_a_user_s_name(method: str) -> None:
    """An audio element sends the cookie, too: the trail would say that the user has listened."""
    same = {"X_Requested_With": "call-audio"}
    for site in ("same-origin", "none"):
        require_same_site(request_with(method, Sec_Fetch_Site=site, **same))
    for site in ("cross-site", "same-site"):
        with pytest.raises(Problem, match="another site") as refusal:
            require_same_site(request_with(method, Sec_Fetch_Site=site, **same))
        assert refusal.value.code == "cross_site"
