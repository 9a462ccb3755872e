"""The doctor: whether the profile, the app and the key fit together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx
import typer

from callaudio.cli.outcome import Exit
from callaudio.cli.render import check_table
from callaudio.cli.session import JsonOption, ProfileOption, Session, open_session
from callaudio.errors import CallAudioError, ProblemError, UnreachableError
from callaudio.generated.client import NAMES
from callaudio.version import __version__

MAX_SKEW_SECONDS = 60.0
"""Signatures of webhooks and tokens have a few minutes; a clock that is off by more than this is
worth a note."""


class Check(NamedTuple):
    """One check: passed, failed, or None for something to note."""

    passed: bool | None
    name: str
    text: str


def doctor(*, profile: ProfileOption = None, is_json: JsonOption = False) -> None:
    """Check the address, the key and its role, the versions, the clocks and the app's health."""
    with open_session(profile, is_json=is_json) as session:
        checks = list(_check(session))
        if is_json:
            for check in checks:
                session.output.json(check._asdict())
        else:
            session.output.out.print(check_table(checks))
    if any(check.passed is False for check in checks):
        raise typer.Exit(Exit.FAILED)


def _check(session: Session) -> Iterator[Check]:
    client, profile = session.client, session.profile
    yield Check(True, "profile", f"{profile.name}: {profile.url}")
    try:
        began = time.time()
        response = client.request({"method": "GET", "url": "/api/v1/health"})
    except CallAudioError as error:
        yield Check(False, "address", str(error))
        return
    yield Check(True, "address", f"answers in {(time.time() - began) * 1000:.0f} ms")
    yield check_clock(response, began, time.time())
    document = client.request({"method": "GET", "url": "/api/v1/openapi.json"}).json()
    yield check_versions(document)
    try:
        me = client.show_me()
    except ProblemError as error:
        yield Check(False, "key", str(error))
        return
    yield Check(True, "key", f"{me.principal.name}, {' and '.join(me.roles)}")
    yield from _check_health(session, me.operations)


def check_clock(response: httpx.Response, began: float, ended: float) -> Check:
    """Compare this machine's clock with the app's."""
    date = response.headers.get("Date")
    if date is None:
        return Check(None, "clocks", "the app does not say what time it is")
    # The header has whole seconds, and the response took a while.
    skew = parsedate_to_datetime(date).timestamp() + 0.5 - (began + ended) / 2
    is_close = abs(skew) <= MAX_SKEW_SECONDS
    text = "agree" if is_close else f"differ by {skew:.0f} s: set this machine's or the app's"
    return Check(True if is_close else None, "clocks", text)


def check_versions(document: dict[str, Any]) -> Check:
    """Compare the operations of the app with those of this client."""
    offered = {
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
    }
    missing = sorted(set(NAMES) - offered)
    text = f"callaudio {__version__}, interface version {document['info']['version']}"
    if missing:
        return Check(None, "versions", f"{text}: the app is older and lacks {', '.join(missing)}")
    return Check(True, "versions", text)


def _check_health(session: Session, allowed: list[str]) -> Iterator[Check]:
    """Check what needs Blob Storage, as far as the role allows it."""
    if "list_calls" in allowed:
        try:
            session.client.list_calls(limit=1)
        except (ProblemError, UnreachableError) as error:
            yield Check(False, "storage", str(error))
            return
        yield Check(True, "storage", "answers")
    if "list_failures" in allowed:
        failures = len(session.client.list_failures().failures)
        text = f"{failures} segments or manifests failed permanently" if failures else "none"
        yield Check(None if failures else True, "failures", text)
