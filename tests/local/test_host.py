"""The Functions host: routes, auth levels and keys, blobs to invocations, retries, poison."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from tests.local.waiting import until

APP = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


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
def landed(blob: func.InputStream) -> None:
    text = blob.read().decode()
    with open(TRACE, "a") as trace:
        trace.write(f"{blob.name} {text}\\n")
    if text == "always":
        raise RuntimeError("never right")
    if text == "once" and open(TRACE).read().count("once") < 2:
        raise RuntimeError("not yet")


@app.queue_trigger("message", queue_name="told", connection="AzureWebJobsStorage")
def told(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    with open(TRACE, "a") as trace:
        trace.write(f"told/{text} {message.dequeue_count}\\n")
    if text == "wrong":
        raise RuntimeError("never right")


@app.event_grid_trigger("event")
async def rings(event: func.EventGridEvent) -> None:
    with open(TRACE, "a") as trace:
        trace.write(f"rings/{event.event_type} {event.event_time} {event.get_json()}\\n")
    if event.get_json() == "wrong":
        raise RuntimeError("never right")


@app.timer_trigger("timer", schedule="*/1 * * * * *")
def ticks(timer: func.TimerRequest) -> None:
    with open(TRACE, "a") as trace:
        trace.write(f"tick/{timer.past_due} \\n")


@app.timer_trigger("timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    with open(TRACE, "a") as trace:
        trace.write("yearly/ \\n")
"""


EVENT_GRID_KEY = "the-key-of-event-grid"


class Host:
    def __init__(self, process: subprocess.Popen[str], trace: Path, storage: str) -> None:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        self.url: str = ready["url"]
        self.key: str = ready["function_key"]
        self.master: str = ready["master_key"]
        self.trace = trace
        self.storage = storage

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, dict[str, str]]:
        request = urllib.request.Request(self.url + path, body, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def runs(self, blob: str) -> int:
        return self.traces(f"watched/{blob} ")

    def traces(self, begins: str) -> int:
        seen = self.trace.read_text() if self.trace.exists() else ""
        return sum(line.startswith(begins) for line in seen.splitlines())


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("app")
    trace = folder / "trace.txt"
    (folder / "function_app.py").write_text(APP.replace("TRACE", repr(str(trace))))
    settings = {"extensions": {"blobs": {"poisonBlobThreshold": 3}}}
    (folder / "host.json").write_text(json.dumps({"version": "2.0"} | settings))
    with Azurite() as azurite:
        storage = azurite.connection_string
        BlobServiceClient.from_connection_string(storage).create_container("watched")
        options = ["--port", "0", "--json", "--retry-seconds", "0", "--poll-seconds", "0.1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "local.host", "--app-dir", str(folder), *options],
            cwd=Path(__file__).parents[2],
            env={"AzureWebJobsStorage": storage, "PATH": "", "EVENT_GRID_KEY": EVENT_GRID_KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield Host(process, trace, storage)
        finally:
            process.terminate()
            process.wait(20)


def upload(host: Host, blob: str, text: str) -> None:
    service = BlobServiceClient.from_connection_string(host.storage)
    service.get_blob_client("watched", blob).upload_blob(text.encode(), overwrite=True)


def test_levels_and_keys(host: Host) -> None:
    assert host.ask("/api/open")[:2] == (200, "open")

    def put(path: str, **keys: str) -> tuple[int, str, dict[str, str]]:
        return host.ask(path, "PUT", b"b", {"x-way": "w"} | keys)

    assert put("/api/things/7")[0] == 401
    assert put("/api/things/7", **{"x-functions-key": "wrong"})[0] == 401
    for key in (host.key, host.master):
        status, body, headers = put("/api/things/7?q=x", **{"x-functions-key": key})
        assert (status, body, headers["X-Way"]) == (201, "7 x b", "w")
    assert put(f"/api/things/7?code={host.key}")[0] == 201
    for key, status in ((host.key, 401), (host.master, 200)):
        assert host.ask("/api/master", headers={"x-functions-key": key})[0] == status


def test_unknown_routes_and_methods(host: Host) -> None:
    assert host.ask("/api/nothing")[0] == 404
    assert host.ask("/api/things/7", "DELETE")[0] == 405


def test_a_function_that_raises_is_a_bare_500(host: Host) -> None:
    assert host.ask("/api/fails")[:2] == (500, "")


def test_a_blob_becomes_one_invocation(host: Host) -> None:
    upload(host, "a/b c.wav", "fine")
    until(lambda: host.runs("a/b c.wav") == 1)
    time.sleep(0.5)
    assert host.runs("a/b c.wav") == 1
    upload(host, "a/b c.wav", "fine again")
    until(lambda: host.runs("a/b c.wav") == 2)


def test_a_failure_is_tried_again(host: Host) -> None:
    upload(host, "retried", "once")
    until(lambda: host.runs("retried") == 2)
    time.sleep(0.5)
    assert host.runs("retried") == 2


def test_what_never_succeeds_is_poison(host: Host) -> None:
    upload(host, "bad", "always")
    queue = QueueServiceClient.from_connection_string(host.storage).get_queue_client(
        "webjobs-blobtrigger-poison"
    )
    until(lambda: bool(queue.peek_messages()))
    assert host.runs("bad") == 3
    message = json.loads(base64.b64decode(queue.peek_messages()[0].content))
    assert message["FunctionId"] == "Host.Functions.landed"
    assert (message["ContainerName"], message["BlobName"]) == ("watched", "bad")


def test_the_webhook_wants_its_key(host: Host) -> None:
    path = "/runtime/webhooks/blobs?functionName=Host.Functions.landed&code=wrong"
    assert host.ask(path, "POST", b"[]")[0] == 401


def grid(
    host: Host, events: object, kind: str = "Notification", function: str = "rings", key: str = ""
) -> tuple[int, str]:
    path = f"/runtime/webhooks/EventGrid?functionName={function}&code={key or EVENT_GRID_KEY}"
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    return host.ask(path, "POST", body, {"aeg-event-type": kind})[:2]


def event(data: object) -> dict[str, object]:
    return {
        "id": "1",
        "topic": "t",
        "subject": "s",
        "eventType": "Kind",
        "eventTime": "2022-08-25T19:27:24.2415391Z",
        "data": data,
        "dataVersion": "1.0",
    }


def test_the_event_grid_webhook_greets_and_wants_its_key(host: Host) -> None:
    greeting = [event({"validationCode": "c0de"})]
    status, body = grid(host, greeting, "SubscriptionValidation")
    assert (status, json.loads(body)) == (200, {"validationResponse": "c0de"})
    assert grid(host, greeting, "SubscriptionValidation", key="wrong")[0] == 401
    assert grid(host, [event("x")], key="wrong")[0] == 401
    assert grid(host, [event("x")], key=host.master)[0] == 401
    assert grid(host, [event("x")], function="landed")[0] == 404
    for wrong in (b"", b"{", b"[]", b"{}", b'[{"data": 1}]'):
        assert grid(host, wrong, "SubscriptionValidation")[0] == 400, wrong
    assert grid(host, [event("x")], "Something")[0] == 400
    assert grid(host, {})[0] == 400
    assert host.traces("rings/Kind") == 0


def test_each_event_is_an_invocation_and_one_failure_fails_the_delivery(host: Host) -> None:
    assert grid(host, [event("one"), event("two")])[0] == 202
    begun = "rings/Kind 2022-08-25 19:27:24.241539+00:00 "
    assert (host.traces(begun + "one"), host.traces(begun + "two")) == (1, 1)
    assert grid(host, [event("one"), event("wrong")]) == (500, "")
    assert host.traces(begun + "one") == 2


def test_a_queue_message_becomes_an_invocation(host: Host) -> None:
    queue = QueueServiceClient.from_connection_string(host.storage).get_queue_client("told")
    queue.send_message(base64.b64encode(b"right").decode())
    until(lambda: host.traces("told/right 1") == 1)
    until(lambda: not queue.peek_messages())


def test_a_message_that_never_succeeds_is_poison(host: Host) -> None:
    queues = QueueServiceClient.from_connection_string(host.storage)
    # The host makes it with its first message.
    poison = queues.create_queue("told-poison")
    content = base64.b64encode(b"wrong").decode()
    queues.get_queue_client("told").send_message(content)
    until(lambda: host.traces("told/wrong 5") == 1)
    until(lambda: [message.content for message in poison.peek_messages()] == [content])
    assert host.traces("told/wrong") == 5


def test_a_timer_runs_by_its_schedule_and_by_hand(host: Host) -> None:
    seen = host.traces("tick/False")
    until(lambda: host.traces("tick/False") >= seen + 2)
    assert host.traces("yearly") == 0
    path, body = "/admin/functions/yearly", b'{"input": ""}'
    assert host.ask(path, "POST", body, {"x-functions-key": host.key})[0] == 401
    assert host.ask(path, "POST", body, {"x-functions-key": host.master})[0] == 202
    assert host.traces("yearly") == 1
