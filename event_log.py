"""Log lines that programs read: a stable event name, then key=value fields. Used by both programs.

``segment_uploaded call=3f2 bytes=960044`` can be found by its name and taken apart by Kusto's
``parse-kv``. A value with anything but plain printable characters is written as a JSON string, so
that nothing which a peer sent can break out of its field or begin a line of its own.
"""

from __future__ import annotations

import json
import logging
import re

_PLAIN = re.compile(r"[!#-<>-~]+", re.ASCII)
"""Printable ASCII without space, quotation mark and equals sign."""


def log_event(
    logger: logging.Logger,
    level: int,
    event: str,
    *,
    exc_info: bool | BaseException | None = None,
    **fields: object,
) -> None:
    """Log one event.

    Args:
        logger: The module's own logger.
        level: One of ``logging``'s levels, such as ``logging.INFO``.
        event: The stable name, in snake_case: what happened.
        exc_info: As in ``logging``: True adds the traceback of the exception being handled.
        fields: What is known of it, in the order to write; None is written ``-``.
    """
    if logger.isEnabledFor(level):
        logger.log(level, "%s", format_event(event, fields), exc_info=exc_info, stacklevel=2)


def format_event(event: str, fields: dict[str, object]) -> str:
    """The line of an event: its name, then its fields as ``key=value``."""
    return " ".join([event, *(f"{key}={_format_value(value)}" for key, value in fields.items())])


def _format_value(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
