"""Fixtures of the core's tests alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import zmqfast as zmq
from environment import without_sanitizer


class PollerWithoutSet(zmq.Poller):
    """What a Poller is where the system has neither epoll nor kqueue."""

    def __init__(self) -> None:
        self._without_set = True


@pytest.fixture(params=["as the system has it", "zmq_poll"])
def each_poller(request, monkeypatch) -> None:
    """zmq.Poller is this system's Poller, and then the one that any system can have."""
    if request.param == "zmq_poll":
        monkeypatch.setattr(zmq, "Poller", PollerWithoutSet)


@pytest.fixture
def preloaded(tmp_path, monkeypatch) -> Callable[[str], str]:
    """`preloaded(name)` builds name.c of this folder; its path. Programs that are run then have it before libc."""
    def build(name: str) -> str:
        library = tmp_path / f"{name}.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name(f"{name}.c")],
                       check=True, env=without_sanitizer())     # which would report the compiler's leaks
        monkeypatch.setenv("LD_PRELOAD", " ".join(filter(None, [os.environ.get("LD_PRELOAD"), str(library)])))
        return str(library)

    return build


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Between threads, where there is a GIL."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)     # s
    yield
    sys.setswitchinterval(before)
