"""Routes are matched as the Functions host does, in the order of the functions' names."""

from __future__ import annotations

import pytest

from local.host.routes import build_routes, find_route, path_pattern
from local.host.worker import Function


def http(name: str, route: str, *methods: str) -> Function:
    trigger = {"type": "httpTrigger", "route": route, "methods": list(methods) or None}
    return Function(name, name, trigger)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("calls", "/calls", {}),
        ("calls", "/Calls/", {}),
        ("calls", "/calls/x", None),
        ("calls/{id}", "/calls/7", {"id": "7"}),
        ("calls/{id}", "/calls/", None),
        ("calls/{id}", "/calls/7/x", None),
        ("calls/{id:guid}/x", "/calls/7/x", {"id": "7"}),
        ("t.{format}", "/t.vtt", {"format": "vtt"}),
        ("t.{format}", "/txvtt", None),
        ("files/{name?}", "/files", {"name": None}),
        ("files/{name?}", "/files/a", {"name": "a"}),
        ("files/{*path}", "/files", {"path": None}),
        ("files/{*path}", "/files/a/b", {"path": "a/b"}),
        ("files/{*path}", "/filesystem", None),
    ],
)
def test_the_paths_of_a_template(
    template: str, path: str, values: dict[str, str | None] | None
) -> None:
    match = path_pattern(template).fullmatch(path)
    assert (match.groupdict() if match else None) == values


def test_routes_are_tried_in_the_order_of_names() -> None:
    """Without regard to case, to the order in the app, and to which route is more specific."""
    functions = [http("b_one", "calls/one"), http("A_any", "calls/{id}"), http("_last", "{*path}")]
    routes = build_routes(functions, "api")
    assert [route.function.name for route in routes] == ["A_any", "b_one", "_last"]
    match = find_route(routes, "GET", "/api/calls/one")
    assert match is not None
    assert (match.function.name, match.parameters) == ("A_any", {"id": "one"})


def test_a_route_with_other_methods_is_skipped() -> None:
    functions = [http("a", "calls", "GET"), http("b", "calls", "POST"), http("z", "{*path}")]
    routes = build_routes(functions, "api")
    for method, name in (("GET", "a"), ("POST", "b"), ("DELETE", "z")):
        match = find_route(routes, method, "/api/calls")
        assert match is not None
        assert match.function.name == name
    assert find_route(routes[:2], "DELETE", "/api/calls") is None


def test_a_function_without_a_route_has_its_name_and_values_are_decoded() -> None:
    blob = Function("blob", "blob", {"type": "blobTrigger"})
    routes = build_routes([blob, http("hello", ""), http("show", "calls/{id}")], "")
    assert [route.function.name for route in routes] == ["hello", "show"]
    match = find_route(routes, "GET", "/hello")
    assert match is not None
    assert match.parameters == {}
    match = find_route(routes, "GET", "/calls/a%2Fb%20c")
    assert match is not None
    assert match.parameters == {"id": "a/b c"}
