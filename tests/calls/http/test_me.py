"""Who sends a request, and what they may do."""

from __future__ import annotations

import msgspec

from calls.clients import Clients
from calls.function_keys import key_digest
from calls.http.me import show_me
from tests.calls.handler_requests import decode_body, send_request


async def test_a_key_s_name_roles_and_operations(clients: Clients) -> None:
    clients.settings = msgspec.structs.replace(
        clients.settings, function_keys=f"Auditor-bank={key_digest('secret')}"
    )
    response = await send_request(clients, show_me, headers={"x-functions-key": "secret"})
    assert decode_body(response) == {
        "principal": {"kind": "key", "id": "Auditor-bank", "name": "Auditor-bank"},
        "roles": ["Auditor"],
        "operations": [
            "export_calls",
            "list_calls",
            "list_events",
            "read_audit",
            "show_acs_health",
            "show_call",
            "show_deletion",
            "show_me",
        ],
    }


async def test_an_admin_may_do_everything(clients: Clients) -> None:
    me = decode_body(await send_request(clients, show_me))
    assert me["roles"] == ["Admin"]
    assert {"place_call", "send_recording", "read_audit", "retry_failure"} <= set(me["operations"])
    assert "unknown_route" not in me["operations"]


async def test_whoever_has_no_role_is_told_so(clients: Clients) -> None:
    clients.settings = msgspec.structs.replace(
        clients.settings, function_keys=f"Caller={key_digest('secret')}"
    )
    response = await send_request(clients, show_me, headers={"x-functions-key": "other"})
    problem = decode_body(response)
    assert (response.status_code, problem["code"]) == (403, "role_required")
    assert problem["detail"].endswith("you have no role")
