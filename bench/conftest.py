"""Libraries as parameters: one body for pyzmq and zmqfast, or for all that can carry bytes within a process."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from zmqfast.cli.benchmark.peer import sockets


@pytest.fixture(params=["pyzmq", "zmqfast", "pyomq"])
def lib(request: pytest.FixtureRequest) -> ModuleType:
    """The library under measurement, as `zmq`; skipped by name where it is not installed."""
    return pytest.importorskip(sockets.MODULES[request.param])


@pytest.fixture
def pair(lib: ModuleType) -> Iterator[tuple[Any, Any]]:
    """Two connected PAIR sockets over inproc, in one thread."""
    first, second = sockets.pair(lib)
    yield first, second
    sockets.end(first, second)
