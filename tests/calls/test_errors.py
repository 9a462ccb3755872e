"""The tree of the app's own errors."""

from __future__ import annotations

import pytest

from calls import errors
from calls.errors import CallAudioError
from tests.error_trees import docstring_beginning, drawn_tree, error_classes, expected_tree


def test_the_docstring_draws_the_tree_of_all_classes() -> None:
    assert drawn_tree(errors) == expected_tree(errors)


@pytest.mark.parametrize("error", error_classes(errors))
def test_each_class_says_when_it_is_raised(error: type[Exception]) -> None:
    assert str(error.__doc__).startswith(docstring_beginning(errors, error))


@pytest.mark.parametrize(
    "error",
    [errors.CallNotFound("x" * 1000), errors.ResultNotReady("x" * 1000, "recording", "it goes on")],
)
def test_a_message_quotes_only_the_beginning_of_what_was_sent(error: CallAudioError) -> None:
    message = str(error)
    assert "x" * 128 in message
    assert "x" * 129 not in message


def test_a_message_cannot_begin_a_line_of_its_own() -> None:
    assert "\n" not in str(errors.CallNotFound("a\nb"))
    assert "\n" not in str(errors.FailureNotFound("a\nb"))
