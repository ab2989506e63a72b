"""Poller.poll() by how many sockets are registered: nothing to tell, and one socket of them in use."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from zmqfast.cli.benchmark.peer.sockets import end, registered
from zmqfast.cli.benchmark.running import allow_many_descriptors


@pytest.fixture(params=[1, 10, 100, 1000, 10_000], ids="{} sockets".format)
def polled(lib: ModuleType, request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any, Any]]:
    """A Poller of PULL sockets, the last of them, and the PUSH connected to it."""
    if lib.__name__ != "zmqfast" and request.param > 1000:
        pytest.skip(f"{lib.__name__}'s poll takes the longer the more there are: the smaller sizes show it")
    allow_many_descriptors()
    poller, pull, push = registered(lib, request.param)
    yield poller, pull, push
    end(push, *(socket for socket, _ in poller.sockets))


@pytest.mark.benchmark(group="poll(0), all idle")
def test_idle(benchmark, polled):
    poller, _, _ = polled
    assert benchmark(poller.poll, 0) == []


@pytest.mark.benchmark(group="send, poll(), recv on one of them")
def test_one_active(benchmark, polled):
    poller, pull, push = polled

    def message() -> list[tuple[Any, int]]:
        push.send(b"x")
        ready = poller.poll()
        pull.recv()
        return ready

    assert len(benchmark(message)) == 1
