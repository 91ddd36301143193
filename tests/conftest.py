"""What every test gets: no settings of this machine, no network but loopback, a clock that stands still."""

import os
from collections.abc import Iterator

import pytest
from pytest_socket import socket_allow_hosts

from support.clock import FakeClock
from support.databases import Database, memory, postgres_server, sqlite_file

for name in [name for name in os.environ if name.startswith("WAYPOST_") and not name.startswith("WAYPOST_TEST_")]:
    del os.environ[name]


@pytest.fixture(autouse=True)
def only_loopback() -> None:
    """Nothing in a test may reach another machine."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A fresh, migrated database of each kind the product supports."""
    match request.param:
        case "memory":
            yield from memory(tmp_path_factory.mktemp("memory"))
        case "sqlite":
            yield from sqlite_file(tmp_path_factory.mktemp("sqlite"))
        case _:
            yield from postgres_server().fresh(tmp_path_factory.mktemp("postgresql"))
