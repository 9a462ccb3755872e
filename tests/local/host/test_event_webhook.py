"""Event Grid triggers: the webhook's validation, its key, and its status codes."""

from __future__ import annotations

import json

from tests.local.host.conftest import EVENT_GRID_KEY, Host


def post(
    host: Host,
    events: object,
    kind: str = "Notification",
    function: str = "event_received",
    key: str = "",
) -> tuple[int, str]:
    path = f"/runtime/webhooks/EventGrid?functionName={function}&code={key or EVENT_GRID_KEY}"
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    return host.request(path, "POST", body, {"aeg-event-type": kind})[:2]


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


def test_the_webhook_answers_the_validation_and_requires_its_key(host: Host) -> None:
    validation = [event({"validationCode": "c0de"})]
    status, body = post(host, validation, "SubscriptionValidation")
    assert (status, json.loads(body)) == (200, {"validationResponse": "c0de"})
    assert post(host, validation, "SubscriptionValidation", key="wrong")[0] == 401
    assert post(host, [event("x")], key="wrong")[0] == 401
    assert post(host, [event("x")], key=host.master)[0] == 401
    assert post(host, [event("x")], function="blob_created")[0] == 404
    for wrong in (b"", b"{", b"[]", b"{}", b'[{"data": 1}]'):
        assert post(host, wrong, "SubscriptionValidation")[0] == 400, wrong
    assert post(host, [event("x")], "Something")[0] == 400
    assert post(host, {})[0] == 400
    assert host.count_traces("events/Kind") == 0


def test_each_event_is_an_invocation_and_one_failure_fails_the_delivery(host: Host) -> None:
    assert post(host, [event("one"), event("two")])[0] == 202
    prefix = "events/Kind 2022-08-25 19:27:24.241539+00:00 "
    assert (host.count_traces(prefix + "one"), host.count_traces(prefix + "two")) == (1, 1)
    assert post(host, [event("one"), event("wrong")]) == (500, "")
    assert host.count_traces(prefix + "one") == 2
