"""What the ACS client raises, as the app's own errors: from the real client and the emulator."""

from __future__ import annotations

import base64

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from calls.clients import call_automation_client
from calls.control.acs_errors import acs_error
from calls.errors import AcsRefused, AcsUnavailable
from calls.settings import Settings
from local.emulator.server import EmulatorServer
from tests.calls.emulator import ACCESS_KEY


async def error_for(endpoint: str, access_key: str) -> AzureError:
    """The client's error for a call that does not exist."""
    settings = Settings(acs_endpoint=endpoint, acs_access_key=access_key)
    async with call_automation_client(settings) as client:
        with pytest.raises(AzureError) as raised:
            await client.get_call_connection("nothing").stop_media_streaming(retry_total=0)
    return raised.value


async def test_an_error_answer_keeps_acs_s_status_code_and_message(
    emulator: EmulatorServer,
) -> None:
    error = acs_error("it was not stopped", await error_for(emulator.endpoint, ACCESS_KEY))
    assert isinstance(error, AcsRefused)
    assert str(error) == "ACS refused: it was not stopped"
    assert (error.status, error.code, error.message) == (404, "8522", "Call not found.")


async def test_a_wrong_key_is_an_error_answer_too(emulator: EmulatorServer) -> None:
    wrong_key = base64.b64encode(b"x" * 32).decode()
    raised = await error_for(emulator.endpoint, wrong_key)
    assert isinstance(raised, ClientAuthenticationError)
    error = acs_error("it was not stopped", raised)
    assert isinstance(error, AcsRefused)
    assert (error.status, error.code) == (401, "7509")


async def test_an_unreachable_acs_is_unavailable() -> None:
    error = acs_error("it was not stopped", await error_for("http://127.0.0.1:9", ACCESS_KEY))
    assert isinstance(error, AcsUnavailable)
    assert str(error).startswith("ACS did not answer: it was not stopped")


@pytest.mark.parametrize("error", [ServiceRequestError("lost"), ServiceResponseError("lost")])
def test_a_lost_request_or_answer_is_unavailable(error: AzureError) -> None:
    assert isinstance(acs_error("it failed", error), AcsUnavailable)


def test_an_answer_without_a_body_has_no_code() -> None:
    error = acs_error("it failed", HttpResponseError("no body"))
    assert isinstance(error, AcsRefused)
    assert (error.status, error.code, error.message) == (0, None, None)


def test_any_other_error_is_raised_as_it_is() -> None:
    with pytest.raises(AzureError, match="not from ACS"):
        acs_error("it failed", AzureError("not from ACS"))
