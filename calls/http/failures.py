"""Failures over HTTP: list what failed permanently, and retry it."""

from __future__ import annotations

from http import HTTPStatus

import azure.functions as func

from calls.clients import Clients
from calls.http.documents import show
from calls.http.respond import json_response
from calls.http.result_documents import Failure, FailureList
from calls.results import failures


async def list_failures(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/failures``: what failed permanently, newest first."""
    stored = await failures.list_failures(clients.storage)
    return json_response(FailureList(failures=[show(Failure, failure) for failure in stored]))


async def retry_failure(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/failures/{id}/retry``: 202; the blob's function runs again."""
    failure_id = request.route_params.get("id") or ""
    failure = await failures.retry_failure(clients.storage, failure_id)
    return json_response(show(Failure, failure), HTTPStatus.ACCEPTED)
