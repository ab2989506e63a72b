"""Fixtures of the core's tests alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def compiled(tmp_path_factory) -> Callable[..., Path]:
    """`compiled(name, *options)` compiles name.c of this folder; the path of what is made."""
    def compile_c(name: str, *options: str) -> Path:
        made = tmp_path_factory.mktemp("compiled") / name
        # a sanitizer that the interpreter runs under would report the compiler's leaks
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        subprocess.run(
            ["cc", *options, "-o", made, Path(__file__).with_name(f"{name}.c")], check=True, env=environment)
        return made

    return compile_c


@pytest.fixture
def preloaded(compiled, monkeypatch) -> Callable[[str], str]:
    """`preloaded(name)` builds name.c of this folder; its path. Programs that are run then have it before libc."""
    def build(name: str) -> str:
        library = str(compiled(name, "-shared", "-fPIC"))
        monkeypatch.setenv("LD_PRELOAD", " ".join(filter(None, [os.environ.get("LD_PRELOAD"), library])))
        return library

    return build


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Between threads, where there is a GIL."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)     # s
    yield
    sys.setswitchinterval(before)
