"""The stand-in for App Service Authentication."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
import pytest_asyncio
from aiohttp import ClientSession, CookieJar, web

from calls.http.sign_in import read_signed_in
from calls.settings import Settings
from local.host.sign_in import COOKIE, EXCLUDED_PATHS, SignIn, is_excluded

ROOT = Path(__file__).parents[3]


class App:
    """The stand-in before an app that returns the headers that it gets."""

    def __init__(self, url: str, client: ClientSession) -> None:
        self.url = url
        self.client = client

    async def sign_in(self, name: str, *roles: str, redirect: str = "/api/console") -> Any:
        form = [("name", name), ("redirect", redirect), *(("role", role) for role in roles)]
        return await self.client.post(
            f"{self.url}/.auth/login/aad", data=form, allow_redirects=False
        )

    async def headers(self, **sent: str) -> dict[str, str] | int:
        """The headers that the app gets; the status if the request is not let in."""
        async with self.client.get(f"{self.url}/api/v1/calls", headers=sent) as response:
            return await response.json() if response.status == 200 else response.status


@pytest_asyncio.fixture
async def app() -> AsyncIterator[App]:
    application = web.Application()
    sign_in = SignIn()
    sign_in.add_routes(application)

    async def echo(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not sign_in.admit(request, headers):
            return web.Response(status=401)
        return web.json_response(headers)

    application.router.add_get("/{path:.*}", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        yield App(f"http://127.0.0.1:{runner.addresses[0][1]}", client)
    await runner.cleanup()


async def test_whoever_signs_in_has_the_header_that_the_app_reads(app: App) -> None:
    assert await app.headers() == 401
    response = await app.sign_in("Robin", "Caller", "Auditor", "Owner")
    assert (response.status, response.headers["Location"]) == (302, "/api/console")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    headers = await app.headers()
    assert isinstance(headers, dict)
    request = func.HttpRequest("GET", "/", headers=headers, body=b"")
    settings = Settings(authentication="entra", website_auth_enabled=True)
    principal, roles = read_signed_in(settings, request)
    assert (principal.kind, principal.name) == ("entra", "Robin")
    assert roles == {"Caller", "Auditor"}
    assert principal.id == headers["x-ms-client-principal-id"]


async def test_the_header_of_a_client_is_removed(app: App) -> None:
    forged = base64.b64encode(b'{"auth_typ":"aad","claims":[]}').decode()
    sent = {"X-MS-CLIENT-PRINCIPAL": forged, "x-ms-client-principal-id": "x"}
    assert await app.headers(**sent) == 401
    await app.sign_in("Robin")
    headers = await app.headers(**sent, **{"X-MS-TOKEN-AAD-ID-TOKEN": "x"})
    assert isinstance(headers, dict)
    claims = json.loads(base64.b64decode(headers["x-ms-client-principal"]))["claims"]
    assert {"typ": "preferred_username", "val": "Robin"} in claims
    assert headers["x-ms-client-principal-id"] != "x"
    assert "x-ms-token-aad-id-token" not in headers


async def test_who_signs_out_is_signed_out_everywhere(app: App) -> None:
    assert (await app.client.get(f"{app.url}/.auth/me")).status == 401
    response = await app.sign_in("Robin", "Listener")
    session = response.cookies[COOKIE].value
    (me,) = await (await app.client.get(f"{app.url}/.auth/me")).json()
    assert me["user_id"] == "Robin"
    url = f"{app.url}/.auth/logout?post_logout_redirect_uri=/api/console"
    response = await app.client.get(url, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/api/console")
    assert await app.headers() == 401
    assert await app.headers(Cookie=f"{COOKIE}={session}") == 401, "it cannot be used again"


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
async def test_a_redirect_stays_within_the_app(app: App, target: str) -> None:
    response = await app.sign_in("Robin", redirect=target)
    assert response.headers["Location"] == "/api/console"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
async def test_another_site_can_sign_nobody_in(app: App, headers: dict[str, str]) -> None:
    response = await app.client.post(
        f"{app.url}/.auth/login/aad", data={"name": "Robin", "role": "Admin"}, headers=headers
    )
    assert response.status == 403
    assert COOKIE not in response.cookies


async def test_the_page_offers_every_role_and_escapes_what_it_is_given(app: App) -> None:
    url = f'{app.url}/.auth/login/aad?post_login_redirect_uri=/x"><script>'
    page = await (await app.client.get(url)).text()
    assert re.findall(r'value="(Caller|Listener|Auditor|Admin)"', page) == [
        "Caller",
        "Listener",
        "Auditor",
        "Admin",
    ]
    assert "<script>" not in page


def test_the_excluded_paths_are_those_of_the_template() -> None:
    template = (ROOT / "infra" / "modules" / "function_app.bicep").read_text()
    listed = re.search(r"var anonymousPaths = \[(.*?)\]", template, re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r"'(.*)'", listed[1])) == EXCLUDED_PATHS
    assert is_excluded("/api/console/console.js")
    for path in ("/api/v1/calls", "/api/consoles", "/api/v1/callbacks/", "/api/v1/me"):
        assert not is_excluded(path)
