"""What a command prints: documents or JSON Lines on standard output, all else on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console, RenderableType

_UNLIMITED_COLUMNS = 500
"""Another program reads the output: nothing is cut to a terminal's width."""


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
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def note(self, text: RenderableType) -> None:
        """Say how it goes, to people only."""
        if not self.is_json:
            self.err.print(text)
