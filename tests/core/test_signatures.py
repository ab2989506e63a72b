"""What help(), inspect and mock's autospec see of the compiled core: each call's arguments."""

from __future__ import annotations

import inspect

import pytest

import zmqfast as zmq
from zmqfast import _core

CALLS = {f"{owner.__name__}.{name}": call
         for owner in vars(_core).values() if isinstance(owner, type) and owner.__module__ == _core.__name__
         for name, call in vars(owner).items() if inspect.isroutine(call) and not name.startswith("_")}
CALLS |= {name: call for name, call in vars(_core).items()
          if inspect.isbuiltin(call) and not name.startswith("_") and call.__module__ == _core.__name__}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_call_tells_its_arguments(call):
    assert "self" not in list(inspect.signature(call).parameters)[1:]


def test_a_sockets_calls_are_told_as_they_are_made(context):
    socket = context.socket(zmq.PAIR)
    told = {name: str(inspect.signature(getattr(socket, name))) for name in ("send", "recv", "poll", "try_recv")}
    assert told == {
        "send": "(data, flags=0, copy=True, track=False, routing_id=None, group=None, *, timeout=None)",
        "recv": "(flags=0, copy=True, track=False, *, timeout=None)",
        "poll": "(timeout=None, flags=1)",
        "try_recv": "(default=None)",
    }
    assert str(inspect.signature(zmq.zmq_version_info)) == "()" and str(inspect.signature(zmq.strerror)) == "(errno)"
    assert zmq.Socket.send.__doc__.startswith("Send one frame.")
