"""The trees of error classes: as the classes are, and as their module's docstring draws them."""

from __future__ import annotations

import re
from types import ModuleType

_LINE = re.compile(r"((?:│ {3}| {4})*(?:├── |└── ))?\w+")


def error_classes(module: ModuleType) -> list[type[Exception]]:
    """The classes that a module of errors defines, in their order."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def children(module: ModuleType, error: type[Exception]) -> list[type[Exception]]:
    return [child for child in error_classes(module) if child.__base__ is error]


def expected_tree(module: ModuleType) -> list[str]:
    """The lines that draw all classes of a module. One that is below no other begins a tree."""
    classes = error_classes(module)
    roots = [error for error in classes if error.__base__ not in classes]
    return [line for root in roots for line in [root.__name__, *_lines_below(module, root)]]


def _lines_below(module: ModuleType, error: type[Exception], prefix: str = "") -> list[str]:
    lines = []
    below = children(module, error)
    for child in below:
        last = child is below[-1]
        lines.append(prefix + ("└── " if last else "├── ") + child.__name__)
        lines += _lines_below(module, child, prefix + ("    " if last else "│   "))
    return lines


def drawn_tree(module: ModuleType) -> list[str]:
    """The lines of the tree in a module's docstring, without what they say about each class."""
    indented = re.search(r"^ {4}\w+\n(?: {4}.+\n)*", str(module.__doc__), re.MULTILINE)
    assert indented is not None, f"{module.__name__} draws no tree"
    matches = [_LINE.match(line[4:]) for line in indented[0].splitlines()]
    return [match[0] for match in matches if match is not None]


def docstring_beginning(module: ModuleType, error: type[Exception]) -> str:
    """How the docstring of a class must begin."""
    return "Base class " if children(module, error) else "Raised when "
