"""The real app with AUTHENTICATION=entra: every role at every route, and every way around it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from calls.http.principals import ROUTES
from calls.principals import ROLES
from local.azurite import Azurite, create_containers
from local.host.sign_in import COOKIE
from tests.app_host import Host, start_host
from tests.security.conftest import http_functions
from tests.security.test_roles import NO_CALL, path_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
KEY = {"x-functions-key": "the-function-key"}
ADMIN = base64.b64encode(
    json.dumps(
        {
            "auth_typ": "aad",
            "claims": [
                {
                    "typ": "http://schemas.microsoft.com/identity/claims/objectidentifier",
                    "val": "1",
                },
                {"typ": "roles", "val": "Admin"},
            ],
        }
    ).encode()
).decode()
"""The header with which App Service would let an Admin in."""
PROTECTED = [function for function in http_functions() if ROUTES[function.name].roles is not None]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def host(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Host]:
    """The app, with the stand-in for App Service Authentication before it."""
    await asyncio.to_thread(create_containers, azurite.connection_string)
    running = await start_host(azurite, tmp_path_factory.mktemp("signs-in"), "--sign-in")
    yield running
    await running.part.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def open_host(
    azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Host]:
    """The app that expects App Service Authentication, without anything before it."""
    await asyncio.to_thread(create_containers, azurite.connection_string)
    tmp = tmp_path_factory.mktemp("open")
    running = await start_host(azurite, tmp, AUTHENTICATION="entra")
    yield running
    await running.part.stop()


@pytest.mark.parametrize("roles", [(), *((role,) for role in ROLES), ("Caller", "Auditor")])
async def test_roles_may_use_the_routes_that_ask_for_them_and_no_others(
    host: Host, roles: tuple[str, ...]
) -> None:
    cookie = await host.sign_in(*roles)
    for function in PROTECTED:
        status, problem = await host.ask(
            function.method, path_of(function), cookie, **{"X-Requested-With": "call-audio"}
        )
        allowed = bool(set(roles) & (ROUTES[function.name].roles or set()))
        assert status != 401, function
        assert (status == 403) == (not allowed), (function, status, problem)
        if status == 403 and problem:
            assert problem["code"] == "role_required", function


async def test_nobody_gets_in_without_signing_in(host: Host) -> None:
    """Nor with a function key, an invented or an ended session, or the header itself."""
    cookie = await host.sign_in("Admin")
    await host.ask("GET", "/.auth/logout", cookie)
    for function in PROTECTED:
        path = path_of(function)
        for headers in (
            {},
            KEY,
            {"X-MS-CLIENT-PRINCIPAL": ADMIN},
            {"x-ms-client-principal": ADMIN, "X-MS-CLIENT-PRINCIPAL-ID": "1"},
            {"Cookie": f"{COOKIE}=invented"},
            {"Cookie": f"{COOKIE}={cookie}"},
        ):
            status, _ = await host.ask(function.method, path, **headers)
            assert status == 401, (function, headers)


async def test_a_user_s_own_header_does_not_make_an_admin(host: Host) -> None:
    cookie = await host.sign_in("Caller")
    _, me = await host.ask("GET", "/api/v1/me", cookie, **{"X-MS-CLIENT-PRINCIPAL": ADMIN})
    assert (me["roles"], me["principal"]["name"]) == (["Caller"], "robin.ray@example.com")


async def test_without_the_front_door_nobody_gets_in(open_host: Host) -> None:
    """App Service Authentication is off, and so is everything that needs a role."""
    for function in PROTECTED:
        for headers in (
            {},
            {"X-MS-CLIENT-PRINCIPAL": ADMIN},
            KEY,
        ):
            same_site = {"X-Requested-With": "call-audio"}
            status, problem = await open_host.ask(
                function.method, path_of(function), **same_site, **headers
            )
            assert status == 500, (function, headers)
            if problem:
                assert problem["code"] == "not_configured"
                assert "App Service Authentication is off" in problem["detail"]
    assert (await open_host.ask("GET", "/api/v1/health"))[0] == 200


async def test_another_site_cannot_change_anything(host: Host) -> None:
    """A browser sends the cookie for a form of another site, but not a header of its own."""
    cookie = await host.sign_in("Admin")
    changes = [function for function in PROTECTED if function.method not in ("GET", "HEAD")]
    assert len(changes) > 6
    for function in changes:
        path = path_of(function)
        for headers in (
            {},
            {"Origin": "https://evil.example", "Content-Type": "text/plain"},
            {"X-Requested-With": ""},
            {"Authorization": "Basic eDp5"},
        ):
            status, problem = await host.ask(function.method, path, cookie, **headers)
            assert (status, problem["code"]) == (403, "cross_site"), (function, headers)


async def test_another_site_reads_nothing_in_a_user_s_name(host: Host) -> None:
    """A browser sends the cookie for an audio element of another site."""
    cookie = await host.sign_in("Admin")
    for function in PROTECTED:
        status, problem = await host.ask(
            function.method,
            path_of(function),
            cookie,
            **{"Sec-Fetch-Site": "cross-site", "X-Requested-With": "call-audio"},
        )
        assert status == 403, function
        assert problem is None or problem["code"] == "cross_site", function


async def test_what_needs_no_role_needs_nobody_signed_in(host: Host) -> None:
    assert (await host.ask("GET", "/api/v1/openapi.json"))[0] == 200
    assert (await host.ask("GET", "/api/console"))[0] == 200
    assert (await host.ask("POST", "/api/v1/callbacks"))[0] == 400


async def test_the_trail_names_the_user(host: Host) -> None:
    cookie = await host.sign_in("Admin")
    _, me = await host.ask("GET", "/api/v1/me", cookie)
    path = f"/api/v1/calls/{NO_CALL}/hangup"
    await host.ask("POST", path, cookie, **{"X-Requested-With": "call-audio"})
    query = f"?call={NO_CALL}&principal={me['principal']['id']}&limit=1000"
    _, page = await host.ask("GET", f"/api/v1/audit{query}", cookie)
    last = page["entries"][-1]
    assert last["principal"] == me["principal"] | {"kind": "entra"}
    assert (last["action"], last["outcome"]) == ("hang_up", "failed")
    assert last["details"] == {"status": "404", "code": "call_not_found"}
