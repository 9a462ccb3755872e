"""Fixtures that more than one test directory uses."""

from collections.abc import Iterator

import pytest

from local.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for the whole run, in memory. A test that stops Azurite starts its own."""
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def storage(azurite: Azurite) -> str:
    """The connection string of the run's Azurite. Tests share it: name things apart."""
    return azurite.connection_string
