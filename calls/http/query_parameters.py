"""Which query parameters each handler takes: all others are refused, as unknown members are."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import azure.functions as func

from calls.http.problems import Problem

HOST_PARAMETERS = frozenset({"code", "clientId"})
"""The host's own: the function key, and the key's name."""

_parameters: dict[object, frozenset[str] | None] = {}


def takes_query[H: Callable[..., object]](*names: str) -> Callable[[H], H]:
    """Decorate a handler that takes these query parameters. Without this, a handler takes none."""

    def register(handler: H) -> H:
        _parameters[handler] = frozenset(names)
        return handler

    return register


def takes_any_query[H: Callable[..., object]](handler: H) -> H:
    """Decorate a handler that ignores unknown query parameters: others may add their own."""
    _parameters[handler] = None
    return handler


def query_parameters(handler: object) -> frozenset[str] | None:
    """Return the query parameters that a handler takes, or the one it wraps; None for any."""
    return _parameters.get(getattr(handler, "__wrapped__", handler), frozenset())


def check_query(handler: object, request: func.HttpRequest) -> None:
    """Check that a handler takes all query parameters of a request. Raises Problem (400)."""
    known = query_parameters(handler)
    if known is None:
        return
    unknown = sorted(request.params.keys() - known - HOST_PARAMETERS)
    if unknown:
        count = "1 unknown parameter" if len(unknown) == 1 else f"{len(unknown)} unknown parameters"
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"the query has {count}; this route takes " + (", ".join(sorted(known)) or "none"),
            code="invalid_request",
            errors=[{"field": name, "message": "is not a known parameter"} for name in unknown],
        )
