"""The settings of webhooks: parsed, and refused without giving a secret or a URL away."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from calls.settings import Settings
from calls.webhook_settings import (
    parse_secrets,
    parse_webhooks,
    permits_call_webhook,
    webhook_faults,
)

KEY = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def test_endpoints_and_their_secrets_have_names() -> None:
    setting = "crm=https://crm.example/hook?token=a=b, ops-2=https://ops.example:8443"
    assert parse_webhooks(setting, "public") == {
        "crm": "https://crm.example/hook?token=a=b",
        "ops-2": "https://ops.example:8443",
    }
    assert parse_secrets(f"crm={SECRET}  {SECRET}, ops-2={SECRET}") == {
        "crm": [KEY, KEY],
        "ops-2": [KEY],
    }
    assert parse_webhooks("", "public") == {}
    assert parse_secrets(" ") == {}


@pytest.mark.parametrize(
    "setting",
    [
        "crm",
        "crm=",
        "=https://a.example",
        "CRM=https://a.example",
        "call=https://a.example",
        "event-grid=https://a.example",
        "crm=http://a.example",
        "crm=ftp://a.example",
        "crm=https://",
        "crm=https://user:hidden@a.example",
        "crm=https://a.example/#hidden",
        "crm=https://a.example/\u00e4",
        "crm=https://a.example:99999",
        "crm=https://[::1",
        "crm=https://a.example,crm=https://b.example",
        "crm=https://a.example/" + "x" * 2048,
    ],
)
def test_wrong_endpoints(setting: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_webhooks(setting, "public")
    assert "hidden" not in str(caught.value)
    assert "example" not in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    [
        "crm=hidden",
        "crm=whsec_hidden",
        "crm=whsec_" + base64.b64encode(bytes(23)).decode(),
        "crm=whsec_" + base64.b64encode(bytes(65)).decode(),
        "hidden",
        f"crm={SECRET} hidden",
    ],
)
def test_wrong_secrets(setting: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_secrets(setting)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "addresses", "permitted"),
    [
        ("https://a.example/hook", "public", True),
        ("https://a.example/hook", "private", True),
        ("https://x.b.example/calls/hook", "public", True),
        ("https://c.example/hook", "public", False),
        ("http://a.example/hook", "any", False),
        ("https://a.example/hook?x=1", "public", False),
        ("https://a.example:8443/hook", "public", False),
        ("https://a.example@evil.example/hook", "public", False),
        ("https://127.0.0.1/hook", "public", False),
        ("http://127.0.0.1:8000/hook", "private", False),
        ("http://127.0.0.1:8000/hook", "any", True),
        ("http://localhost/hook", "any", True),
        ("http://127.0.0.2:8000/hook", "any", False),
        ("http://127.0.0.1:8000@evil.example/hook", "any", False),
    ],
)
def test_which_urls_a_call_may_name(url: str, addresses: Any, permitted: bool) -> None:
    hosts = "a.example,*.b.example"
    assert permits_call_webhook(url, hosts, addresses) == permitted
    assert not permits_call_webhook(url, "", addresses), "nobody has allowed any host"


def test_faults_name_the_setting() -> None:
    assert webhook_faults("crm=https://a.example", f"crm={SECRET}", "", "public", "") == []
    assert webhook_faults("", f"call={SECRET}", "a.example", "public", "") == []
    assert webhook_faults("crm=https://a.example", "", "a.example", "public", "") == [
        "WEBHOOK_SECRETS: has no secret of call",
        "WEBHOOK_SECRETS: has no secret of crm",
    ]
    faults = webhook_faults("x", "y", "http://a", "public", "http://topic")
    assert [fault.partition(":")[0] for fault in faults] == [
        "WEBHOOKS",
        "WEBHOOK_HOSTS",
        "WEBHOOK_SECRETS",
    ]
    topic = webhook_faults("", "", "", "public", "http://topic")
    assert topic == ["EVENT_GRID_TOPIC_ENDPOINT: must begin with https://"]


def test_somebody_may_have_to_be_told() -> None:
    assert not Settings().has_subscribers
    assert Settings(webhooks="a").has_subscribers
    assert Settings(webhook_hosts="a").has_subscribers
    assert Settings(event_grid_topic_endpoint="a").has_subscribers
