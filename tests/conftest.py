"""Fixtures that more than one test directory uses."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from local.azurite import Azurite
from local.client import AppClient
from local.up import Up


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for the whole run, in memory. A test that stops Azurite starts its own."""
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def storage(azurite: Azurite) -> str:
    """The connection string of the run's Azurite. Tests share it: name things apart."""
    return azurite.connection_string


@pytest_asyncio.fixture(loop_scope="session")
async def app(up: Up) -> AsyncIterator[AppClient]:
    """A client of the running system, which each directory of such tests starts in its own way."""
    async with AppClient(up.addresses.app, up.addresses.function_key) as client:
        yield client
