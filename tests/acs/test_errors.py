"""The tree of the errors about what Azure Communication Services sends."""

from __future__ import annotations

import pytest

from acs import errors
from tests.error_trees import docstring_beginning, drawn_tree, error_classes, expected_tree


def test_the_docstring_draws_the_tree_of_all_classes() -> None:
    assert drawn_tree(errors) == expected_tree(errors)


@pytest.mark.parametrize("error", error_classes(errors))
def test_each_class_says_when_it_is_raised(error: type[Exception]) -> None:
    assert str(error.__doc__).startswith(docstring_beginning(errors, error))


@pytest.mark.parametrize("error", [errors.MalformedPacket, errors.MalformedEvent])
def test_a_malformed_message_is_a_value_error(error: type[Exception]) -> None:
    assert issubclass(error, ValueError)


def test_a_token_error_has_its_reason_only() -> None:
    error = errors.InvalidToken("expired")
    assert (error.reason, str(error)) == ("expired", "expired")
