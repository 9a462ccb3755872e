"""The tree of the app's own errors."""

from __future__ import annotations

import inspect

import pytest

from calls import errors
from calls.errors import CallAudioError

EXCEPTIONS = [value for value in vars(errors).values() if inspect.isclass(value)]
CLASSES = [value for value in EXCEPTIONS if issubclass(value, CallAudioError)]
_INDENTATION = 4


def tree_lines(error: type[CallAudioError], prefix: str = "") -> list[str]:
    """The lines below a class in the docstring's tree."""
    lines = []
    children = [child for child in CLASSES if child.__base__ is error]
    for child in children:
        last = child is children[-1]
        lines.append(prefix + ("└── " if last else "├── ") + child.__name__)
        lines += tree_lines(child, prefix + ("    " if last else "│   "))
    return lines


def test_the_docstring_draws_the_tree_of_all_classes() -> None:
    tree = ["CallAudioError", *tree_lines(CallAudioError)]
    assert len(tree) == len(EXCEPTIONS)
    drawn = "\n".join(" " * _INDENTATION + line for line in tree)
    assert drawn in str(errors.__doc__)


@pytest.mark.parametrize("error", CLASSES)
def test_each_class_says_when_it_is_raised(error: type[CallAudioError]) -> None:
    is_base = any(child.__base__ is error for child in CLASSES)
    beginning = "Base class" if is_base else "Raised when "
    assert str(error.__doc__).startswith(beginning)


@pytest.mark.parametrize("error", [errors.CallNotFound, errors.ResultNotReady])
def test_a_message_quotes_only_the_beginning_of_what_was_sent(
    error: type[CallAudioError],
) -> None:
    message = str(error("x" * 1000))
    assert "x" * 128 in message
    assert "x" * 129 not in message


def test_a_message_cannot_begin_a_line_of_its_own() -> None:
    assert "\n" not in str(errors.CallNotFound("a\nb"))
    assert "\n" not in str(errors.FailureNotFound("a\nb"))
