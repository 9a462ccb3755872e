"""Running a handler: whatever it raises becomes a problem document, never a bare 500."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import azure.functions as func
import msgspec
from azure.core.exceptions import AzureError

from calls import refusals
from calls.clients import Clients, get_clients
from calls.errors import CallAudioError
from calls.http.audited import run_audited
from calls.http.problems import CONTENT_TYPE, Problem, problem_for
from calls.http.query_parameters import check_query
from calls.http.response_headers import SECURITY_HEADERS, complete_response
from configuration import SettingsError
from event_log import log_event

_log = logging.getLogger(__name__)

Handler = Callable[[Clients, func.HttpRequest], Awaitable[func.HttpResponse]]
HandlerWithoutClients = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


async def respond(handler: Handler, request: func.HttpRequest) -> func.HttpResponse:
    """Run a handler with the process's clients."""
    return await respond_with(handler, get_clients, request)


async def respond_with(
    handler: Handler, create_clients: Callable[[], Clients], request: func.HttpRequest
) -> func.HttpResponse:
    """Run a handler with the given clients; whatever it raises becomes a problem document."""

    async def check_and_handle(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
        check_query(handler, request)
        return await handler(clients, request)

    async def handle(request: func.HttpRequest) -> func.HttpResponse:
        return await run_audited(create_clients(), request, handler.__name__, check_and_handle)

    return await _run(handle, request, handler.__module__)


async def respond_without_clients(
    handler: HandlerWithoutClients, request: func.HttpRequest
) -> func.HttpResponse:
    """Run a handler that needs no clients, and so responds whatever the settings are."""

    async def handle(request: func.HttpRequest) -> func.HttpResponse:
        check_query(handler, request)
        return await handler(request)

    return await _run(handle, request, handler.__module__)


async def _run(
    handler: HandlerWithoutClients, request: func.HttpRequest, module: str
) -> func.HttpResponse:
    try:
        return complete_response(request, await handler(request))
    except Exception as error:  # noqa: BLE001  # the one place where exceptions end
        problem = _problem_of(error)
    if problem.reason and problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        entrance = module.rpartition(".")[2]
        refusals.log_refused(entrance, problem.status, problem.reason, problem.detail)
    return func.HttpResponse(
        problem.body(),
        status_code=problem.status,
        mimetype=CONTENT_TYPE,
        headers=SECURITY_HEADERS | problem.headers,
    )


def _problem_of(error: Exception) -> Problem:
    """Return the problem that an exception becomes; log it if it is not the caller's fault."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, CallAudioError) and (problem := problem_for(error)) is not None:
        if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
            log_event(_log, logging.WARNING, "request_contended", error=error)
        return problem
    if isinstance(error, SettingsError):
        log_event(_log, logging.ERROR, "settings_invalid", error=error)
        return Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            f"the app is not configured: {_name_settings(error)}; its log says more",
            code="not_configured",
        )
    if isinstance(error, AzureError):
        log_event(_log, logging.ERROR, "storage_failed", error=type(error).__name__, exc_info=error)
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Blob Storage does not answer; try again",
            code="storage_unavailable",
            headers={"Retry-After": "5"},
        )
    reference = uuid.uuid4().hex
    log_event(_log, logging.ERROR, "request_failed", reference=reference, exc_info=error)
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"unexpected error; the log has details under {reference}",
        code="internal_error",
    )


def _name_settings(error: SettingsError) -> str:
    """Return the names of the wrong settings, without their values: a stranger may read them."""
    names = [
        name for line in str(error).splitlines() if (name := line.partition(":")[0]).isidentifier()
    ]
    return ", ".join(names) or "settings are missing or invalid"


def json_response(
    content: Any,
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> func.HttpResponse:
    """A JSON response."""
    return func.HttpResponse(
        msgspec.json.encode(content),
        status_code=status,
        mimetype="application/json",
        headers=headers,
    )
