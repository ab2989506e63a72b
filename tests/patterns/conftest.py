"""The process's own Context is there before anything is counted: the patterns use it unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import zmqfast as zmq


@pytest.fixture(autouse=True, scope="session")
def own_context() -> Iterator[zmq.Context]:
    context = zmq.Context.instance()
    yield context
    context.destroy(linger=0)
