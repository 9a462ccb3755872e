"""What a verification found, and how it is printed. Pure."""

from __future__ import annotations


class CannotCheck(Exception):
    """Raised when nothing can be said about a call, for instance because it has no result."""


class Report:
    """What was compared, what differs, and what the streamer itself said was lost.

    ``differences`` has a line for each thing that differs, by its name in Blob Storage; ``losses``
    are not differences: the manifests have them.
    """

    def __init__(self, call: str) -> None:
        self.call = call
        self.checks: list[str] = []
        self.losses: list[str] = []
        self.differences: list[str] = []

    @property
    def is_proven(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def lines(self) -> list[str]:
        """Return the report's lines, the verdict last."""
        count = len(self.differences)
        verdict = "proven: the recording is what was streamed"
        if count:
            verdict = f"not proven: {count} difference{'' if count == 1 else 's'}"
        return [
            f"call {self.call}",
            *(f"  checked: {line}" for line in self.checks),
            *(f"  lost:    {line}" for line in self.losses),
            *(f"  DIFFERS: {line}" for line in self.differences),
            verdict,
        ]


def format_ms(milliseconds: float) -> str:
    """Format a position in the recording as ``0:00:05.240``."""
    seconds, fraction = divmod(round(milliseconds), 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}.{fraction:03d}"
