"""What a command prints: documents or JSON Lines on standard output, all else on standard error."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from rich.console import Console, RenderableType

_UNLIMITED_COLUMNS = 500
"""Another program reads the output: nothing is cut to a terminal's width."""

_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON lets through and a terminal obeys (C1 controls, line ends, the direction of text), and
half characters, which UTF-8 cannot have."""


def format_json(document: Any) -> str:
    """Return a document as a line of JSON that is safe on a terminal: it means the same."""
    text = json.dumps(document, ensure_ascii=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


class Output:
    """The two consoles of a command.

    Attributes:
        is_json: Print documents as JSON, one in a line, in the place of text.
        out: Standard output, for what was asked for.
        err: Standard error, for progress, questions and errors.
    """

    def __init__(self, *, is_json: bool = False) -> None:
        self.is_json = is_json
        width = None if sys.stdout.isatty() else _UNLIMITED_COLUMNS
        self.out = Console(width=width, highlight=False, emoji=False)
        self.err = Console(stderr=True, highlight=False, emoji=False)

    def show(self, document: Any, text: RenderableType) -> None:
        """Print a document as JSON, or its text."""
        if self.is_json:
            self.json(document)
        else:
            self.out.print(text)

    def json(self, document: Any) -> None:
        """Print a document as one line."""
        sys.stdout.write(format_json(document))
        sys.stdout.flush()

    def note(self, text: RenderableType) -> None:
        """Say how it goes, to people only."""
        if not self.is_json:
            self.err.print(text)
