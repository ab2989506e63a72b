"""Fixtures of the core's tests alone."""

from __future__ import annotations

import pytest

import zmqfast as zmq


class PollerWithoutSet(zmq.Poller):
    """What a Poller is where the system has neither epoll nor kqueue."""

    def __init__(self) -> None:
        self._without_set = True


@pytest.fixture(params=["as the system has it", "zmq_poll"])
def each_poller(request, monkeypatch) -> None:
    """zmq.Poller is this system's Poller, and then the one that any system can have."""
    if request.param == "zmq_poll":
        monkeypatch.setattr(zmq, "Poller", PollerWithoutSet)
