"""A client of Call Audio, which records the audio of live phone calls on Azure.

::

    from callaudio import Client, PlaceCall, requests

    with Client("http://127.0.0.1:7071", key) as client:
        call = client.place_call(body=PlaceCall(to="+15551230000", from_="+15559990000"))
        client.wait_until_final(call.call_connection_id)
        client.download(requests.recording(call.call_connection_id), "call.wav")

The operations and their documents are generated from the app's OpenAPI document.
"""

from callaudio import requests
from callaudio.auth import entra_token
from callaudio.client import AsyncClient, Client
from callaudio.downloads import Progress
from callaudio.errors import (
    CallAudioError,
    DownloadError,
    ProblemError,
    ResultError,
    UnexpectedStatus,
    UnreachableError,
    WaitTimeoutError,
    WebhookError,
)
from callaudio.generated import models
from callaudio.generated.models import *  # noqa: F403
from callaudio.generated.types import UNSET, Unset
from callaudio.webhooks import verify_webhook

__all__ = [
    "UNSET",
    "AsyncClient",
    "CallAudioError",
    "Client",
    "DownloadError",
    "ProblemError",
    "Progress",
    "ResultError",
    "UnexpectedStatus",
    "UnreachableError",
    "Unset",
    "WaitTimeoutError",
    "WebhookError",
    "entra_token",
    "requests",
    "verify_webhook",
]
__all__ += models.__all__
