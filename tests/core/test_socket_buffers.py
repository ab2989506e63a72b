"""SNDBUF reaches ipc's descriptors, and without it there is room for more than the system gives by itself."""

from __future__ import annotations

import os
import socket
import stat
import sys

import pytest

import zmqfast as zmq
from zmqfast import _core

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="finds descriptors where Linux lists them"),
    pytest.mark.skipif(_core.LIBZMQ_SOURCE.startswith("system"), reason="the system's libzmq is as it is"),
]


def rooms(path: str) -> list[int]:
    """SO_SNDBUF of this process's two ends of the connection over this path."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.stat(int(name)).st_mode):
                continue
            end = socket.socket(fileno=os.dup(int(name)))
        except OSError:         # closed since
            continue
        with end:
            listening = end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if end.family == socket.AF_UNIX and not listening and path in (name_of(end.getsockname), name_of(end.getpeername)):
                found.append(end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
    return found


def name_of(getname) -> str | None:
    try:
        return getname()
    except OSError:             # it has no peer
        return None


@pytest.mark.parametrize("wanted", [None, 20_000, 100_000])
def test_both_ends_have_the_room_that_was_asked_for(context, fresh_endpoint, wanted):
    endpoint = fresh_endpoint("ipc")
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    if wanted:
        push.sndbuf = pull.sndbuf = wanted
    pull.bind(endpoint)
    push.connect(endpoint)
    push.send(b"connected")
    assert pull.recv(timeout=10) == b"connected"
    ends = rooms(endpoint.removeprefix("ipc://"))
    assert len(ends) == 2
    if wanted:
        assert ends == [room_for(wanted)] * 2
    else:
        assert min(ends) >= min(512 * 1024, room_for(512 * 1024))   # a system may give that much by itself


def room_for(size: int) -> int:
    """What the system makes of SO_SNDBUF: twice as much, for its own needs, or less where it permits no more."""
    with socket.socket(socket.AF_UNIX) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        return other.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
