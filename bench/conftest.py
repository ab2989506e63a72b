"""Libraries as parameters: one body for pyzmq and zmqfast."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(params=["pyzmq", "zmqfast"])
def lib(request: pytest.FixtureRequest) -> ModuleType:
    """The library under measurement, as `zmq`."""
    return importlib.import_module({"pyzmq": "zmq", "zmqfast": "zmqfast"}[request.param])


@pytest.fixture
def pair(lib: ModuleType) -> Iterator[tuple[Any, Any]]:
    """Two connected PAIR sockets over inproc, in one thread."""
    with lib.Context() as context:
        first, second = context.socket(lib.PAIR), context.socket(lib.PAIR)
        first.bind("inproc://pair")
        second.connect("inproc://pair")
        yield first, second
        first.close(0)
        second.close(0)
