"""The page's files: what is served, as what, and what the browser is told that they may do."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import azure.functions as func
import pytest

from calls import console

FOLDER = Path(console.__file__).parent
ROOT = FOLDER.parents[1]


def get(file: str, headers: dict[str, str] | None = None) -> func.HttpResponse:
    url = f"/api/console/{file}"
    return console.serve(func.HttpRequest("GET", url, headers=headers, body=b""), file)


@pytest.mark.parametrize("file", console.FILES)
def test_every_file_comes_with_its_type_and_the_policy(file: str) -> None:
    answer = get(file)
    assert answer.status_code == 200
    assert answer.get_body() == (FOLDER / file).read_bytes()
    assert answer.mimetype == console.FILES[file]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == console.POLICY
    assert answer.headers["Cache-Control"] == "no-cache"


def test_the_fixed_set_is_what_lies_in_the_folder() -> None:
    there = {path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py"}
    assert there == set(console.FILES)


@pytest.mark.parametrize("file", ["", "__init__.py", "../web.py", "..%2Fweb.py", "index.html/"])
def test_nothing_else_is_served(file: str) -> None:
    answer = get(file)
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert json.loads(answer.get_body())["detail"] == "the page has no such file"


def test_what_the_browser_has_is_not_sent_again() -> None:
    etag = get("console.js").headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = get("console.js", {"If-None-Match": known})
        assert (answer.status_code, answer.get_body()) == (304, b"")
        assert answer.headers["ETag"] == etag
    assert get("console.js", {"If-None-Match": '"other"'}).status_code == 200


def test_the_policy_allows_nothing_inline_and_no_other_host() -> None:
    rules = dict(rule.split(" ", 1) for rule in console.POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in console.POLICY
    assert "http" not in console.POLICY


def test_the_shell_has_nothing_inline_and_names_no_other_host() -> None:
    shell = (FOLDER / console.SHELL).read_text()
    assert not re.search(r"\son\w+=|\sstyle=|javascript:|<style|<script(?![^>]*\ssrc=)", shell)
    for address in re.findall(r'(?:src|href)="([^"]*)"', shell):
        assert re.match(r"#|/api/console/", address), address
    for file in console.FILES:
        text = (FOLDER / file).read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), file
        assert not re.search(r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write", text)


def test_the_pure_modules_do_what_they_say() -> None:
    """In Node, whose own test runner tells what failed."""
    tests = sorted(str(path) for path in (ROOT / "tests/calls/console").glob("*.test.js"))
    ran = subprocess.run(["node", "--test", *tests], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^# pass [1-9]", ran.stdout, re.MULTILINE), ran.stdout
