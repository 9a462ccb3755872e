"""The HMAC signature: as the SDK's own policy signs, and every part of it counts."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from azure.communication.callautomation._shared.policy import HMACCredentialsPolicy
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest

from local.emulator.signature import SignatureError, content_hash, sign, verify

KEY = base64.b64encode(bytes(range(32))).decode()
BODY = b'{"targets": []}'
DATE, HOST, PATH = "Wed, 25 Nov 2026 12:00:00 GMT", "127.0.0.1:8090", "/calling/callConnections?a=1"


def headers() -> dict[str, str]:
    return {
        "x-ms-date": DATE,
        "Host": HOST,
        "x-ms-content-sha256": content_hash(BODY),
        "Authorization": sign(KEY, "POST", PATH, DATE, HOST, BODY),
    }


def test_the_sdk_s_own_signature_verifies() -> None:
    request = HttpRequest("POST", f"http://{HOST}{PATH}", content=BODY.decode())
    policy = HMACCredentialsPolicy(f"http://{HOST}", KEY)
    policy.on_request(PipelineRequest(request, PipelineContext(None)))
    verify(KEY, "POST", PATH, dict(request.headers) | {"Host": HOST}, BODY)


@pytest.mark.parametrize(
    "change",
    [
        lambda: verify(KEY, "PUT", PATH, headers(), BODY),
        lambda: verify(KEY, "POST", PATH + "2", headers(), BODY),
        lambda: verify(KEY, "POST", PATH, headers(), BODY + b" "),
        lambda: verify(KEY, "POST", PATH, headers() | {"x-ms-date": "yesterday"}, BODY),
        lambda: verify(KEY, "POST", PATH, headers() | {"Host": "other"}, BODY),
        lambda: verify(KEY, "POST", PATH, headers() | {"Authorization": ""}, BODY),
        lambda: verify(KEY, "POST", PATH, {}, BODY),
        lambda: verify(base64.b64encode(b"x").decode(), "POST", PATH, headers(), BODY),
    ],
)
def test_a_change_anywhere_is_noticed(change: Callable[[], None]) -> None:
    verify(KEY, "POST", PATH, headers(), BODY)
    with pytest.raises(SignatureError):
        change()
