"""Times and lengths, as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)


def parse_time(text: str, now: datetime | None = None) -> datetime:
    """Return a time: ``2026-03-01``, ``2026-03-01T09:30``, ``today``, or ``7d`` ago.

    A time without an offset is a local one. Raises ValueError.
    """
    now = now or datetime.now(UTC)
    match = _AGO.fullmatch(text)
    if match:
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    if text in ("today", "yesterday"):
        midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=text == "yesterday")
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not a time: write 2026-03-01, 2026-03-01T09:30, today, or 7d for a "
            "week ago (m, h, d, w)"
        ) from error


def format_time(time: datetime) -> str:
    """Return a local time to the minute."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def format_clock(time: datetime) -> str:
    """Return the time of day, to the second."""
    return time.astimezone().strftime("%H:%M:%S")


def format_length(seconds: float) -> str:
    """Return a length: ``0:07``, ``12:30``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
