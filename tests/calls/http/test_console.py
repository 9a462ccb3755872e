"""The console's files: what is served, with which type, and under which policy."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from calls.clients import Clients
from calls.http import console
from calls.results import timeline
from calls.settings import Settings
from configuration import SettingsError

FOLDER = Path(console.__file__).parents[1] / "console"
ROOT = FOLDER.parents[1]
ORIGIN = "https://account.blob.core.windows.net"


def get(file: str, headers: dict[str, str] | None = None) -> func.HttpResponse:
    url = f"/api/console/{file}"
    request = func.HttpRequest("GET", url, headers=headers, body=b"")
    return console.serve_console(request, ORIGIN, file)


@pytest.mark.parametrize("file", console.files())
def test_every_file_has_its_type_and_the_policy(file: str) -> None:
    response = get(file)
    assert response.status_code == 200
    assert response.get_body() == (FOLDER / file).read_bytes()
    assert response.mimetype == console.files()[file]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == console.policy(ORIGIN)
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(("origin", "media"), [(ORIGIN, f"blob: {ORIGIN}"), ("", "blob:")])
def test_audio_may_come_from_the_app_s_account_only(origin: str, media: str) -> None:
    directives = console.policy(origin).split("; ")
    assert directives[0] == "default-src 'none'"
    assert f"media-src {media}" in directives
    assert "connect-src 'self'" in directives


def test_wrong_settings_leave_the_console_without_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Clients:
        raise SettingsError("STREAMER_URL: is not set")

    monkeypatch.setattr(console, "get_clients", fail)
    assert console.read_audio_origin() == ""


def test_the_console_is_told_how_users_get_in_and_when_it_locks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a key, and so nothing else."""
    settings = Settings(authentication="entra", console_lock_minutes=5, acs_endpoint="secret")
    clients: Any = SimpleNamespace(settings=settings)
    monkeypatch.setattr(console, "get_clients", lambda: clients)
    response = get("settings.json")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    expected = {"authentication": "entra", "lock_minutes": 5}
    assert json.loads(response.get_body()) == expected
    assert get("settings.json", {"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_wrong_settings_leave_the_console_s_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Clients:
        raise SettingsError("STREAMER_URL: is not set")

    monkeypatch.setattr(console, "get_clients", fail)
    expected = {"authentication": "keys", "lock_minutes": 15}
    assert json.loads(get("settings.json").get_body()) == expected


def test_all_files_of_the_folder_are_served() -> None:
    in_folder = {path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py"}
    assert in_folder == set(console.files())


@pytest.mark.parametrize(
    "file", ["", "__init__.py", "../errors.py", "..%2Ferrors.py", "index.html/"]
)
def test_nothing_else_is_served(file: str) -> None:
    response = get(file)
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert json.loads(response.get_body())["detail"] == "the console has no such file"


def test_a_file_that_the_browser_has_is_not_sent_again() -> None:
    etag = get("console.js").headers["ETag"]
    for cached in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = get("console.js", {"If-None-Match": cached})
        assert (response.status_code, response.get_body()) == (304, b"")
        assert response.headers["ETag"] == etag
    assert get("console.js", {"If-None-Match": '"other"'}).status_code == 200


def test_the_policy_allows_nothing_inline_and_no_other_host() -> None:
    rules = dict(rule.split(" ", 1) for rule in console.policy(ORIGIN).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in console.policy(ORIGIN)
    assert console.policy(ORIGIN).count("http") == 1, "only the app's storage account"
    assert "http" not in console.policy("")


def test_the_files_have_nothing_inline_and_name_no_other_host() -> None:
    page = (FOLDER / console.INDEX).read_text()
    assert not re.search(r"\son\w+=|\sstyle=|javascript:|<style|<script(?![^>]*\ssrc=)", page)
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert re.match(r"#|/api/console/", address), address
    for file in console.files():
        text = (FOLDER / file).read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), file
        assert not re.search(r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write", text)


def test_the_tests_of_the_console_s_modules_pass() -> None:
    """In Node, whose own test runner says what failed."""
    tests = sorted(str(path) for path in (ROOT / "tests/calls/console").glob("*.test.js"))
    process = subprocess.run(["node", "--test", *tests], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert re.search(r"^# pass [1-9]", process.stdout, re.MULTILINE), process.stdout


def test_the_console_reads_reasons_as_the_app_writes_them() -> None:
    script = 'import { NOT_ANALYSED } from "./calls/console/issues.js"; console.log(NOT_ANALYSED)'
    command = ["node", "--input-type=module", "-e", script]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, timeline.NOT_ANALYSED), ran.stderr
