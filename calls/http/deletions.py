"""Deleting calls over HTTP, and the receipts of deletions."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import azure.functions as func

from calls import blobs
from calls.clients import Clients
from calls.control.grants import end_grants
from calls.control.hanging_up import hang_up
from calls.errors import CallDeleted, CallNotEnded, CallNotFound, CallOnHold
from calls.http import requests
from calls.http.documents import Deletion, show
from calls.http.principals import request_principal
from calls.http.query_parameters import takes_query
from calls.http.respond import Handler, json_response
from calls.records.dispositions import read_disposition
from calls.records.store import read_record
from calls.retention import model
from calls.retention.deletions import begin_deletion, read_deletion
from calls.retention.erasure import begin_erasure
from calls.retention.messages import Send, request_run
from calls.storage import Storage
from contract import names

HANG_UP = "hangup"
"""The query parameter with which a call that has not ended is hung up before its deletion."""

PARTICIPANT = "participant"
"""The query parameter that names the one participant to erase: their track or raw id."""

_RETRY_AFTER_SECONDS = "2"


def delete_handler(send: Send) -> Handler:
    """Return the handler of ``DELETE /api/v1/calls/{id}``.

    ``send`` sends a message to the queue of deletions.
    """

    @takes_query(HANG_UP, PARTICIPANT)
    async def delete_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
        """202 with the deletion, and where to follow it. It is safe to repeat this."""
        call = requests.call_connection_id(request)
        hang_up_first = requests.take_flag(request, HANG_UP)
        participant = request.params.get(PARTICIPANT)
        principal, now = request_principal(request), datetime.now(UTC)
        try:
            if participant is not None:
                deletion = await begin_erasure(clients.storage, call, participant, principal, now)
            else:
                await _prepare(clients, call, hang_up_first=hang_up_first)
                deletion = await begin_deletion(clients.storage, call, "call", principal, now)
        except CallDeleted as deleted:
            # A repeated request: the call is being deleted, or was.
            deletion = await read_deletion(clients.storage, deleted.deletion_id)
        if deletion.receipt.state != "completed":
            request_run(deletion.receipt.id, send)
        return json_response(
            show(Deletion, deletion.receipt),
            HTTPStatus.ACCEPTED,
            {
                "Location": f"/api/v1/deletions/{deletion.receipt.id}",
                "Retry-After": _RETRY_AFTER_SECONDS,
            },
        )

    return delete_call


async def _prepare(clients: Clients, call: str, *, hang_up_first: bool) -> None:
    """Check that a call may be deleted, and let no further stream of it open.

    Raises CallNotFound, CallDeleted, CallNotEnded, CallOnHold, AcsError, AzureError.
    """
    storage, now = clients.storage, datetime.now(UTC)
    try:
        record = await read_record(storage, call)
    except CallDeleted:
        raise
    except CallNotFound:
        # A stream of a call that this app did not place has results nevertheless.
        if not await _has_audio(storage, call):
            raise
    else:
        hold = (await read_disposition(storage, call)).hold
        if hold is not None:
            raise CallOnHold(hold.placed_at)
        if not record.has_ended:
            if not hang_up_first:
                raise CallNotEnded
            await hang_up(clients, call)
    await end_grants(storage, call, now)


async def _has_audio(storage: Storage, call: str) -> bool:
    for container in (names.SEGMENTS, names.MANIFESTS, blobs.RESULTS):
        prefix = f"{call}/"
        if await storage.blob_names_until(container, prefix, f"{prefix}~", 1):
            return True
    return False


async def show_deletion(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/deletions/{id}``: how far it is, and finally its receipt."""
    deletion = await read_deletion(clients.storage, request.route_params.get("id") or "")
    receipt: model.Receipt = deletion.receipt
    headers = {} if receipt.state == "completed" else {"Retry-After": _RETRY_AFTER_SECONDS}
    return json_response(show(Deletion, receipt), headers=headers)
