"""Running a handler for whoever may use its route, and recording it in the audit trail.

``principals.ROUTES`` says how each route is recorded. Changes have two entries of one request: what
was begun before, so that nothing is changed unseen, and what came of it. What is given out has one,
before the response is sent. Where the same principal reads the same again within a minute, as
players and the console do, or is refused the same, there is one entry for all of it.
"""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPMethod, HTTPStatus
from typing import NamedTuple

import azure.functions as func

from acs.identifiers import is_call_connection_id
from calls.audit import Outcome, record_action, record_or_log
from calls.clients import Clients
from calls.errors import CallAudioError
from calls.http.principals import ROUTES, Identity, authorize, identify
from calls.http.problems import Problem, problem_for

Run = Callable[[Clients, func.HttpRequest], Awaitable[func.HttpResponse]]

_REPEAT_SECONDS = 60.0
_MAX_REMEMBERED = 4096
_CALLS_PATH = "/api/v1/calls/"
_REFUSALS = (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
_PLAYED = {"send_recording": "play_recording", "send_segment": "play_segment"}
"""Actions of requests for a range, as players send them."""
_SEARCHED = {"list_calls": "search_calls"}
"""Actions of requests with ``q``: they give out words of transcripts, and so are recorded."""
_OTHER_IDS = ("retry_failure", "retry_delivery")
"""Routes whose id is not a call's."""

_clock = time.monotonic


class _Action(NamedTuple):
    """What a request does, as the trail has it."""

    name: str
    identity: Identity
    call: str | None
    request: str


async def run_audited(
    clients: Clients, request: func.HttpRequest, route: str, handler: Run
) -> func.HttpResponse:
    """Run a route's handler if the sender has one of its roles, and record it.

    Raises Problem (401, 403), AzureError if it could not be recorded, and what the handler raises.
    """
    access = ROUTES[route]
    if access.roles is None:
        return await handler(clients, request)
    identity = identify(clients.settings, request)
    action = _Action(_name(route, request), identity, _call_of(route, request), uuid.uuid4().hex)
    try:
        authorize(clients.settings, request, route)
    except Problem as problem:
        await _record_refused(clients, action, problem)
        raise
    if access.recording in ("change", "stop"):
        return await _change(clients, request, action, handler, is_stop=access.recording == "stop")
    try:
        response = await handler(clients, request)
    except Problem as problem:
        if problem.status == HTTPStatus.FORBIDDEN:
            # A part of what the route gives asks for another role.
            await _record_refused(clients, action, problem)
        raise
    is_recorded = access.recording == "read" or action.name in _SEARCHED.values()
    is_read = is_recorded and request.method == HTTPMethod.GET
    if is_read and not _is_repeated(action):
        await _record(clients, action, "done", response)
        _remember(action)
    return response


async def _change(
    clients: Clients, request: func.HttpRequest, action: _Action, handler: Run, *, is_stop: bool
) -> func.HttpResponse:
    await _record(clients, action, "begun", record=record_or_log if is_stop else record_action)
    try:
        response = await handler(clients, request)
    except BaseException as error:
        problem = _problem_of(error)
        is_refused = problem is not None and problem.status in _REFUSALS
        outcome: Outcome = "refused" if is_refused else "failed"
        await _record(clients, action, outcome, problem, record=record_or_log)
        raise
    if action.call is None:
        location = response.headers.get("Location") or ""
        action = action._replace(call=_call_in(location.removeprefix(_CALLS_PATH)))
    await _record(clients, action, "done", response, record=record_or_log)
    return response


async def _record_refused(clients: Clients, action: _Action, problem: Problem) -> None:
    refusal = action._replace(name=f"{action.name} refused")
    if not _is_repeated(refusal):
        _remember(refusal)
        await _record(clients, action, "refused", problem, record=record_or_log)


async def _record(
    clients: Clients,
    action: _Action,
    outcome: Outcome,
    result: func.HttpResponse | Problem | None = None,
    *,
    record: Callable[..., Awaitable[None]] = record_action,
) -> None:
    details = {}
    if isinstance(result, Problem):
        details = {"status": str(result.status.value), "code": result.code}
    elif result is not None:
        details = {"status": str(result.status_code)}
        if "Idempotent-Replayed" in result.headers:
            details["replayed"] = "true"
    await record(
        clients.storage,
        action.name,
        action.identity.principal,
        call=action.call,
        address=action.identity.address,
        outcome=outcome,
        request=action.request,
        details=details,
    )


def _name(route: str, request: func.HttpRequest) -> str:
    if request.params.get("q"):
        return _SEARCHED.get(route, route)
    return _PLAYED.get(route, route) if "Range" in request.headers else route


def _call_of(route: str, request: func.HttpRequest) -> str | None:
    """The call in a request's route."""
    return None if route in _OTHER_IDS else _call_in(request.route_params.get("id") or "")


def _call_in(text: str) -> str | None:
    return text if is_call_connection_id(text) else None


def _problem_of(error: BaseException) -> Problem | None:
    if isinstance(error, Problem):
        return error
    return problem_for(error) if isinstance(error, CallAudioError) else None


_recent: OrderedDict[tuple[object, ...], float] = OrderedDict()
"""When this process recorded what, by what it was: the oldest first."""


def _key(action: _Action) -> tuple[object, ...]:
    principal = action.identity.principal
    return (principal.kind, principal.id, action.name, action.call, action.identity.address)


def _is_repeated(action: _Action) -> bool:
    """Return whether the same was recorded within the last minute."""
    recorded_at = _recent.get(_key(action))
    return recorded_at is not None and _clock() - recorded_at < _REPEAT_SECONDS


def _remember(action: _Action) -> None:
    _recent[_key(action)] = _clock()
    _recent.move_to_end(_key(action))
    if len(_recent) > _MAX_REMEMBERED:
        _recent.popitem(last=False)
