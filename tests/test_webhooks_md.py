"""docs/webhooks.md: its receivers accept what the app signs, and refuse everything else."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from calls.events.signature import signed_headers
from calls.http.description.webhooks import EVENTS
from tests.calls.events.post_office import KEY, OTHER_KEY, SECRET

DOCUMENT = (Path(__file__).parents[1] / "docs" / "webhooks.md").read_text()


def block(language: str) -> str:
    """The document's only block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(found)


def test_the_example_is_an_event() -> None:
    event = json.loads(block("json"))
    jsonschema.validate(event, EVENTS[event["type"]][1])


BODY = b'{"id": "evt_1", "text": "gr\xc3\xb6\xc3\x9fer"}'
NAMES = (
    *("good", "while the secret is changed", "another secret", "another body", "another id"),
    *("too old", "too new", "no time"),
)


def request(name: str) -> tuple[dict[str, str], bytes]:
    """A request of a name, as it comes now: only the first two must be accepted."""
    now, keys, body = datetime.now(UTC), [KEY], BODY
    if name == "while the secret is changed":
        keys = [OTHER_KEY, KEY]
    if name == "another secret":
        keys = [OTHER_KEY]
    if name == "too old":
        now -= timedelta(minutes=10)
    if name == "too new":
        now += timedelta(minutes=20)
    headers = signed_headers("evt_1", BODY, keys, now)
    if name == "another body":
        body += b" "
    if name == "another id":
        headers["webhook-id"] = "evt_2"
    if name == "no time":
        headers["webhook-timestamp"] = "x"
    return headers, body


def expected(name: str) -> Any:
    return json.loads(BODY) if name in NAMES[:2] else None


@pytest.mark.parametrize("name", NAMES)
def test_the_receiver_in_python(name: str) -> None:
    namespace: dict[str, Any] = {"SECRET": SECRET}
    exec(block("python"), namespace)  # the document's own
    headers, body = request(name)
    assert namespace["receive"](headers, body) == expected(name)


def test_the_receiver_in_javascript(tmp_path: Path) -> None:
    script = tmp_path / "receive.mjs"
    cases = [(headers, body.decode()) for headers, body in map(request, NAMES)]
    script.write_text(
        f"const SECRET = {json.dumps(SECRET)};\n{block('js')}\n"
        f"const cases = {json.dumps(cases)};\n"
        "console.log(JSON.stringify(cases.map(([headers, body]) => receive(headers, body))));\n"
    )
    ran = subprocess.run(
        ["node", str(script)], capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(ran.stdout) == [expected(name) for name in NAMES]
