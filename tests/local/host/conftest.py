"""A host process with a small app and an Azurite of its own, for all tests of this folder."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite

EVENT_GRID_KEY = "the-key-of-event-grid"
BODY_LIMIT = 1024 * 1024
"""In bytes."""

# Every function writes a line per run into the file TRACE.
APP = """
import asyncio
from typing import List

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


def trace(line):
    with open(TRACE, "a") as file:
        file.write(line + "\\n")


@app.route("open", auth_level=func.AuthLevel.ANONYMOUS)
def open_to_all(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route("things/{id}", methods=["PUT"])
async def thing(req: func.HttpRequest) -> func.HttpResponse:
    body = f"{req.route_params['id']} {req.params.get('q')} {req.get_body().decode()}"
    return func.HttpResponse(body, status_code=201, headers={"X-Way": req.headers["x-way"]})


@app.route("master", auth_level=func.AuthLevel.ADMIN)
def master(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("master")


@app.route("fails", auth_level=func.AuthLevel.ANONYMOUS)
def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("a secret of the app")


@app.blob_trigger("blob", path="watched/{name}", connection="AzureWebJobsStorage",
                  source=func.BlobSource.EVENT_GRID)
def blob_created(blob: func.InputStream) -> None:
    text = blob.read().decode()
    trace(f"{blob.name} {text}")
    if text == "always":
        raise RuntimeError("fails always")
    if text == "once" and open(TRACE).read().count("once") < 2:
        raise RuntimeError("fails once")


@app.queue_trigger("message", queue_name="messages", connection="AzureWebJobsStorage")
def message_received(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    trace(f"messages/{text} {message.dequeue_count}")
    if text == "wrong":
        raise RuntimeError("fails always")


@app.queue_trigger("message", queue_name="messages-poison", connection="AzureWebJobsStorage")
def poison_message_received(message: func.QueueMessage) -> None:
    trace(f"poison/{message.get_body().decode()} {message.dequeue_count}")
    raise RuntimeError("fails always")


@app.queue_trigger("message", queue_name="slow", connection="AzureWebJobsStorage")
async def slow_message_received(message: func.QueueMessage) -> None:
    trace("slow/begin ")
    await asyncio.sleep(0.3)
    trace("slow/end ")


@app.route("send/{text}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output("one", queue_name="sent", connection="AzureWebJobsStorage")
@app.queue_output("many", queue_name="sent", connection="AzureWebJobsStorage")
def send(
    req: func.HttpRequest, one: func.Out[str], many: func.Out[List[str]]
) -> func.HttpResponse:
    text = req.route_params["text"]
    if text != "nothing":
        one.set('{"text": "%s"}' % text)
        many.set([f"{text}1", f"{text}2"])
    if text == "wrong":
        raise RuntimeError("fails after it has set its outputs")
    return func.HttpResponse("sent")


@app.route("misplace", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output("one", queue_name="NOT-A-QUEUE-NAME", connection="AzureWebJobsStorage")
def misplace(req: func.HttpRequest, one: func.Out[str]) -> func.HttpResponse:
    one.set("lost")
    return func.HttpResponse("sent")


@app.event_grid_trigger("event")
async def event_received(event: func.EventGridEvent) -> None:
    trace(f"events/{event.event_type} {event.event_time} {event.get_json()}")
    if event.get_json() == "wrong":
        raise RuntimeError("fails always")


@app.timer_trigger("timer", schedule="*/1 * * * * *")
def every_second(timer: func.TimerRequest) -> None:
    trace(f"tick/{timer.past_due} ")


@app.timer_trigger("timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    trace("yearly/ ")
"""


class Host:
    """The host process: its address and keys, and what its app's functions have traced."""

    def __init__(self, process: subprocess.Popen[str], trace: Path, storage: str) -> None:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        self.pid = process.pid
        self.url: str = ready["url"]
        self.key: str = ready["function_key"]
        self.master: str = ready["master_key"]
        self.trace = trace
        self.storage = storage

    def request(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, dict[str, str]]:
        request = urllib.request.Request(self.url + path, body, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read().decode(), dict(response.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def upload(self, blob: str, text: str) -> None:
        """Upload a blob into the container ``watched``."""
        service = BlobServiceClient.from_connection_string(self.storage)
        service.get_blob_client("watched", blob).upload_blob(text.encode(), overwrite=True)

    def count_runs(self, blob: str) -> int:
        """How often the blob trigger has run for a blob in ``watched``."""
        return self.count_traces(f"watched/{blob} ")

    def count_traces(self, prefix: str) -> int:
        lines = self.trace.read_text().splitlines() if self.trace.exists() else []
        return sum(line.startswith(prefix) for line in lines)


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("app")
    trace = folder / "trace.txt"
    (folder / "function_app.py").write_text(APP.replace("TRACE", repr(str(trace))))
    queues = {
        "batchSize": 1,
        "newBatchThreshold": 1,
        "maxDequeueCount": 3,
        "maxPollingInterval": "00:00:00.5",
    }
    settings = {"extensions": {"blobs": {"poisonBlobThreshold": 3}, "queues": queues}}
    (folder / "host.json").write_text(json.dumps({"version": "2.0"} | settings))
    with Azurite() as azurite:
        storage = azurite.connection_string
        BlobServiceClient.from_connection_string(storage).create_container("watched")
        options = ["--port", "0", "--json", "--retry-seconds", "0", "--poll-seconds", "0.1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "local.host", "--app-dir", str(folder), *options],
            cwd=Path(__file__).parents[3],
            env={
                "AzureWebJobsStorage": storage,
                "PATH": "",
                "EVENT_GRID_KEY": EVENT_GRID_KEY,
                "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": str(BODY_LIMIT),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield Host(process, trace, storage)
        finally:
            process.terminate()
            process.wait(60)
