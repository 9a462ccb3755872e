"""Requests, repeats and pauses as steps, without I/O: both clients carry them out.

A procedure is a generator. It yields an *effect*, gets its result, and returns what it was called
for. So what is to be done is written once, and each client says how: with or without ``await``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, TypeVar

import httpx

from callaudio.errors import ProblemError
from callaudio.generated.models.problem import Problem

Result = TypeVar("Result")

MAX_RETRY_SECONDS = 60.0
"""How long a request is repeated altogether, if the app asks for it with 429 or 503."""

_BUSY = (429, 503)
_DEFAULT_DELAY = 1.0


@dataclass(frozen=True)
class Send:
    """Send a request; the result is the response.

    ``arguments`` are httpx's. ``stream``: the body is left for ``Read``. ``is_for_app``: the
    request has the key or token; a link to Blob Storage must not get it.
    """

    arguments: dict[str, Any]
    stream: bool = False
    is_for_app: bool = True


@dataclass(frozen=True)
class Sleep:
    """Pause for these seconds."""

    seconds: float


@dataclass(frozen=True)
class Read:
    """Read the next bytes of a streamed response; the result is empty at its end."""

    response: httpx.Response


@dataclass(frozen=True)
class Close:
    """Close a streamed response. ``is_read`` reads the rest of it before, for ``content``."""

    response: httpx.Response
    is_read: bool = field(default=False)


Effect = Send | Sleep | Read | Close
Steps = Generator[Effect, Any, Result]


def send(
    arguments: dict[str, Any],
    *,
    stream: bool = False,
    is_for_app: bool = True,
    max_retry_seconds: float = MAX_RETRY_SECONDS,
) -> Steps[httpx.Response]:
    """Send a request, again after 429 and 503; return a successful response.

    Raises ProblemError, UnreachableError.
    """
    if arguments["method"].upper() == "POST":
        # A repeat then places no second call.
        headers = {"Idempotency-Key": uuid.uuid4().hex} | arguments.get("headers", {})
        arguments = arguments | {"headers": headers}
    waited = 0.0
    while True:
        response: httpx.Response = yield Send(arguments, stream, is_for_app)
        if response.status_code < httpx.codes.BAD_REQUEST:
            return response
        if stream:
            yield Close(response, is_read=True)
        delay = retry_delay(response)
        if response.status_code not in _BUSY or waited + delay > max_retry_seconds:
            raise _problem_error(response)
        waited += delay
        yield Sleep(delay)


def retry_delay(response: httpx.Response) -> float:
    """Return the seconds after which to repeat a request, as ``Retry-After`` says."""
    value = response.headers.get("Retry-After", "")
    if value.isascii() and value.isdigit():
        return max(float(value), 0.1)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time(), 0.1)
    except ValueError:
        return _DEFAULT_DELAY


def _problem_error(response: httpx.Response) -> ProblemError:
    problem = None
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        try:
            problem = Problem.from_dict(json.loads(response.content))
        except (ValueError, KeyError, TypeError):
            problem = None
    reason = response.reason_phrase
    if response.status_code == httpx.codes.UNAUTHORIZED:
        # The host's own answer, which has no body.
        reason = "the key or token is missing or wrong"
    return ProblemError(response.status_code, problem, reason)
