"""The app serves its OpenAPI document, and its responses conform to it, whatever is sent."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from azure.functions import AuthLevel

from calls.http import openapi
from local.client import AppClient
from tests.security.conftest import PHONE, Stranger, http_functions

ANONYMOUS = {"v1/callbacks", "v1/health", "v1/openapi.json", "console", "console/{file}"}
"""What is anonymous: ACS is verified by its token, and the others hold no data."""


def test_only_callbacks_and_what_holds_no_data_are_anonymous() -> None:
    is_open = {found.route for found in http_functions() if found.level == AuthLevel.ANONYMOUS}
    assert is_open == ANONYMOUS


@pytest.mark.asyncio(loop_scope="session")
async def test_the_app_serves_it_to_everyone(stranger: Stranger) -> None:
    status, body = await stranger.ask("GET", "/api/v1/openapi.json")
    assert (status, json.loads(body)) == (200, openapi.document())


@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="session")
async def test_no_request_that_schemathesis_generates_causes_a_server_error(
    app: AppClient, stranger: Stranger, tmp_path: Path
) -> None:
    """Right and wrong requests made from the document; statuses and bodies must be as it says."""
    addresses = stranger.up.addresses
    placed = await app.place_call(**PHONE, start_streaming=False)
    document = copy.deepcopy(openapi.document())
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "id":
                    parameter["example"] = placed["call_connection_id"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", "openapi.json"),
        *("--url", addresses.app),
        *("-H", f"x-functions-key: {addresses.function_key}"),
        *("-H", f"Authorization: {await stranger.authorization('callback')}"),
        *("--max-examples", "8", "--seed", "1", "--request-timeout", "60", "--no-color"),
        *("--phases", "examples,coverage,fuzzing"),
        *(
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,"
            "response_schema_conformance",
        ),
    ]
    ran = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, timeout=500
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    operations = sum(len(item) for item in document["paths"].values())
    passed = re.search(r"generated, (\d+) passed", ran.stdout)
    assert passed is not None, ran.stdout
    assert int(passed[1]) > 200, ran.stdout
    assert f"{operations} selected" in ran.stdout, ran.stdout
    await hang_up_all(app)


async def hang_up_all(app: AppClient) -> None:
    """The requests that were right have placed calls, which would go on."""
    _, page, _ = await app.request("GET", "/api/v1/calls?limit=100")
    going_on = [call for call in page["calls"] if call["state"] in ("connecting", "connected")]
    await asyncio.gather(*(app.hang_up(call["call_connection_id"]) for call in going_on))
