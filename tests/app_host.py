"""The local Functions host with the real app, without streamer and ACS."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, CookieJar

from local.azurite import Azurite
from local.child_process import ChildProcess, PortTakenError
from local.host.sign_in import COOKIE
from local.ports import free_ports
from local.up import ROOT


class Host:
    """The local Functions host with the real app, without streamer and ACS."""

    def __init__(self, url: str, part: ChildProcess) -> None:
        self.url = url
        self.part = part

    async def ask(
        self, method: str, path: str, cookie: str = "", **headers: str
    ) -> tuple[int, Any]:
        """The status and, if it is JSON, the document of a response."""
        if cookie:
            headers["Cookie"] = f"{COOKIE}={cookie}"
        async with (
            ClientSession(cookie_jar=CookieJar()) as client,
            client.request(
                method, self.url + path, headers=headers, allow_redirects=False
            ) as response,
        ):
            is_json = "json" in response.content_type and method != "HEAD"
            return response.status, await response.json(content_type=None) if is_json else None

    async def sign_in(self, *roles: str) -> str:
        """Sign somebody in; returns the session's cookie."""
        form = [("name", "robin.ray@example.com"), *(("role", role) for role in roles)]
        async with (
            ClientSession() as client,
            client.post(
                f"{self.url}/.auth/login/aad", data=form, allow_redirects=False
            ) as response,
        ):
            return response.cookies[COOKIE].value


async def start_host(azurite: Azurite, tmp: Path, *arguments: str, **settings: str) -> Host:
    """Start a host; a port that was taken in the meantime is replaced."""
    for _ in range(3):
        with contextlib.suppress(PortTakenError):
            return await try_to_start(azurite, tmp, *arguments, **settings)
    raise AssertionError("no port is free")


async def try_to_start(azurite: Azurite, tmp: Path, *arguments: str, **settings: str) -> Host:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    environment = {
        "AzureWebJobsStorage": azurite.connection_string,
        "AudioStorage": azurite.connection_string,
        "ACS_ENDPOINT": "http://127.0.0.1:9",
        "ACS_ACCESS_KEY": "AAAA",
        "CALLBACK_URL": url,
        "CALLBACK_TOKEN_CHECK": "off",
        "STREAMER_URL": "ws://127.0.0.1:9",
        "FUNCTION_KEY": "the-function-key",
        **settings,
    }
    command = ["-m", "local.host", "--port", str(port), "--app-dir", str(ROOT), *arguments]
    part = await ChildProcess.launch(
        "app", command, environment, url + "/admin/host/ping", cwd=ROOT, log_dir=tmp
    )
    await part.wait_until_healthy()
    return Host(url, part)
