"""The routes of HTTP triggers, matched as the Functions host does.

Source: ``WebScriptHostHttpRoutesManager`` and ``FunctionMetadataManager`` of the Functions host,
and ``WebJobsRouteBuilder`` of its HTTP extension. Routes are tried in the order of the functions'
names, without regard to which is more specific. A route whose methods do not match is skipped, so
that a later one may match; if none does, the status is 404, not 405.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from local.host.worker import Function

_PARAMETER = re.compile(r"\{(\*?)(\w+)(?::\w+(?:\([^)]*\))?)?(\??)\}")


class Route(NamedTuple):
    """A function, the methods that it accepts (None: all), and the paths that it matches."""

    function: Function
    methods: frozenset[str] | None
    pattern: re.Pattern[str]


class Match(NamedTuple):
    """The function that a request runs, and the values of its route's parameters."""

    function: Function
    parameters: dict[str, str]


def build_routes(functions: Iterable[Function], prefix: str) -> list[Route]:
    """Build the routes of all HTTP triggers, in the order in which they are tried."""
    routes = []
    for function in sorted(functions, key=lambda function: function.name.upper()):
        if function.kind != "httpTrigger":
            continue
        template = function.trigger.get("route") or function.name
        methods = function.trigger.get("methods")
        routes.append(
            Route(
                function,
                # Without methods, a function accepts all of them.
                frozenset(str(getattr(m, "value", m)).upper() for m in methods)
                if methods
                else None,
                path_pattern("/".join(part for part in (prefix, template) if part)),
            )
        )
    return routes


def path_pattern(template: str) -> re.Pattern[str]:
    """Compile the pattern of the paths that a route's template matches.

    Literals match in upper and lower case, and a slash at the end is ignored. ``{name?}`` may be
    absent, and ``{*name}`` matches any number of segments. The constraints of parameters are
    ignored.
    """
    pattern = ""
    for segment in template.split("/"):
        whole = _PARAMETER.fullmatch(segment)
        if whole and whole[1]:
            pattern += f"(?:/(?P<{whole[2]}>.*))?"
        elif whole and whole[3]:
            pattern += f"(?:/(?P<{whole[2]}>[^/]+))?"
        else:
            pattern += "/" + _segment_pattern(segment)
    return re.compile(pattern + "/?", re.IGNORECASE)


def _segment_pattern(segment: str) -> str:
    """Return the pattern of one segment: text and parameters, such as ``transcript.{format}``."""
    pattern, position = "", 0
    for parameter in _PARAMETER.finditer(segment):
        pattern += re.escape(segment[position : parameter.start()]) + f"(?P<{parameter[2]}>[^/]+)"
        position = parameter.end()
    return pattern + re.escape(segment[position:])


def find_route(routes: Iterable[Route], method: str, raw_path: str) -> Match | None:
    """Find the function that a request runs; None if no route matches.

    ``raw_path`` is the path as it was sent; the values of its parameters are decoded.
    """
    for route in routes:
        match = route.pattern.fullmatch(raw_path)
        if match and (route.methods is None or method in route.methods):
            values = match.groupdict().items()
            return Match(route.function, {k: unquote(v) for k, v in values if v is not None})
    return None
