"""What is added to each operation."""

from __future__ import annotations

from calls.http.description import parts
from calls.http.description.completion import HEADERS, IF_NONE_MATCH, complete_operation
from calls.http.description.texts import Text

TEXT = Text("hang_up", "calls", "It does it.")
COMMON = {"Cache-Control", "X-Content-Type-Options"}


def test_an_operation_gets_its_texts_and_common_responses() -> None:
    described = parts.operation("Do it", {202: None}, [409])
    completed = complete_operation("POST /x", described, TEXT)
    assert (completed["operationId"], completed["tags"]) == ("hang_up", ["calls"])
    assert (completed["summary"], completed["description"]) == ("Do it", "It does it.")
    assert list(completed["responses"]) == ["202", "400", "401", "403", "409", "500", "503"]
    assert completed["x-roles"] == ["Admin", "Caller"]
    assert "headers" not in completed["responses"]["401"], "the host's own"
    assert completed["responses"]["202"]["headers"].keys() == COMMON
    assert completed["responses"]["409"]["headers"].keys() == COMMON | {"Retry-After"}
    assert "parameters" not in completed
    assert list(described["responses"]) == ["202", "401", "409"], "it is not changed"


def test_what_is_read_has_an_entity_tag() -> None:
    described = parts.operation("Do it", {200: parts.json_content({})}, [], parameters=[parts.ID])
    completed = complete_operation("GET /x", described, TEXT)
    assert completed["parameters"] == [parts.ID, IF_NONE_MATCH]
    assert completed["responses"]["200"]["headers"].keys() == COMMON | {"ETag"}
    assert completed["responses"]["304"]["headers"].keys() == COMMON | {"ETag"}


def test_the_console_and_the_health_check_take_any_query() -> None:
    described = parts.operation("Do it", {200: None}, [], security=[])
    for text in (Text("show", "console", "."), Text("health", "service", ".")):
        assert complete_operation("GET /x", described, text)["responses"].keys() == {"200"}


def test_headers_are_described() -> None:
    for name, header in HEADERS.items():
        assert header["description"], name
        assert header["schema"]["type"] == "string", name
