"""The admin interface: the master key, and running functions by hand."""

from __future__ import annotations

import json

from tests.local.host.conftest import Host


def test_a_timer_runs_by_hand_with_the_master_key(host: Host) -> None:
    assert host.count_traces("yearly") == 0
    path, body = "/admin/functions/yearly", b'{"input": ""}'
    assert host.request(path, "POST", body, {"x-functions-key": host.key})[0] == 401
    assert host.request(path, "POST", body, {"x-functions-key": host.master})[0] == 202
    assert host.count_traces("yearly") == 1


def test_a_blob_function_runs_by_hand(host: Host) -> None:
    headers = {"x-functions-key": host.master}
    path = "/admin/functions/blob_created"
    body = json.dumps({"input": "watched/missing"}).encode()
    assert host.request(path, "POST", body, headers)[0] == 202, "a deleted blob is not a failure"
    assert host.count_runs("missing") == 0
    assert host.request(path, "POST", b"{}", headers)[0] == 500
    assert host.request("/admin/functions/thing", "POST", body, headers)[0] == 404


def test_the_functions_are_listed_for_the_master_key(host: Host) -> None:
    assert host.request("/admin/host/ping")[0] == 200
    assert host.request("/admin/functions", headers={"x-functions-key": host.key})[0] == 401
    status, body, _ = host.request("/admin/functions", headers={"x-functions-key": host.master})
    assert status == 200
    triggers = {f["name"]: f["config"]["bindings"][0]["type"] for f in json.loads(body)}
    assert triggers["blob_created"] == "blobTrigger"
    assert triggers["yearly"] == "timerTrigger"
