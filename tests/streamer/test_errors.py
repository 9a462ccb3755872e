"""The tree of the streamer's own errors."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from streamer import errors
from tests.error_trees import docstring_beginning, drawn_tree, error_classes, expected_tree


def test_the_docstring_draws_the_tree_of_all_classes() -> None:
    assert drawn_tree(errors) == expected_tree(errors)


@pytest.mark.parametrize("error", error_classes(errors))
def test_each_class_says_when_it_is_raised(error: type[Exception]) -> None:
    assert str(error.__doc__).startswith(docstring_beginning(errors, error))


def test_a_refused_handshake_has_its_status_and_reason() -> None:
    error = errors.HandshakeRefused(HTTPStatus.UNAUTHORIZED, "token_expired")
    assert (error.status, error.reason) == (401, "token_expired")
    assert str(error) == "401 token_expired"
