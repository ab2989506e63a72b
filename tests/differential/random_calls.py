"""A process that makes calls as it is told, on one library, and says what came of each: the other end of
test_random_calls.py. Argument: the library. A line of stdin is a story, as JSON; a line of stdout its outcomes.

A story is two types of sockets, which are connected over inproc, and steps: a name of CALLS, which of the sockets, and
arguments. After each step the sockets' events are looked at, which also has libzmq take in what the other has done.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from differential.outcome import Step, attempt
from differential.tables import VALUES

ENDPOINT = "inproc://story"


def call(name: str) -> Callable[..., Any]:
    """A step that is a method with these arguments."""
    return lambda lib, socket, *arguments: getattr(socket, name)(*arguments)


def send(name: str) -> Callable[..., Any]:
    def step(lib: Any, socket: Any, value: str, more: bool, copy: bool) -> Any:
        return getattr(socket, name)(VALUES[value], lib.DONTWAIT | (lib.SNDMORE if more else 0), copy=copy)
    return step


def receive(name: str) -> Callable[..., Any]:
    def step(lib: Any, socket: Any, copy: bool) -> Any:
        return getattr(socket, name)(lib.DONTWAIT, copy=copy)
    return step


def typed(name: str) -> Callable[..., Any]:
    return lambda lib, socket, *arguments: getattr(socket, name)(*arguments, lib.DONTWAIT)


def send_frames(lib: Any, socket: Any, values: list[str], copy: bool) -> Any:
    return socket.send_multipart([VALUES[value] for value in values], lib.DONTWAIT, copy=copy)


def send_frame(lib: Any, socket: Any, size: int, twice: bool) -> Any:
    frame = lib.Frame(b"f" * size)
    return [socket.send(frame, lib.DONTWAIT, copy=False) is None for _ in range(1 + twice)], len(frame), frame.bytes[:3]


def recv_into(lib: Any, socket: Any, size: int, nbytes: int) -> Any:
    buffer = bytearray(size)
    return attempt(lib, socket.recv_into, buffer, nbytes=nbytes, flags=lib.DONTWAIT), bytes(buffer)


def set_option(lib: Any, socket: Any, option: str, value: str) -> Any:
    return socket.set(getattr(lib, option), VALUES[value])


def get_option(lib: Any, socket: Any, option: str) -> Any:
    return socket.get(getattr(lib, option))


CALLS: dict[str, Callable[..., Any]] = {
    "send": send("send"), "send_frames": send_frames, "send_frame": send_frame,
    "recv": receive("recv"), "recv_multipart": receive("recv_multipart"), "recv_into": recv_into,
    "send_string": typed("send_string"), "recv_string": typed("recv_string"),
    "send_json": typed("send_json"), "recv_json": typed("recv_json"),
    "send_pyobj": typed("send_pyobj"), "recv_pyobj": typed("recv_pyobj"),
    "poll": call("poll"), "set_hwm": call("set_hwm"), "get_hwm": call("get_hwm"),
    "set_option": set_option, "get_option": get_option,
    "set_attribute": lambda lib, socket, option, value: setattr(socket, option.lower(), VALUES[value]),
    "get_attribute": lambda lib, socket, option: getattr(socket, option.lower()),
    "subscribe": call("subscribe"), "unsubscribe": call("unsubscribe"),
    "bind": lambda lib, socket, endpoint: socket.bind(endpoint) is socket,
    "connect": lambda lib, socket, endpoint: socket.connect(endpoint) is socket,
    "unbind": call("unbind"), "disconnect": call("disconnect"),
    "closed": lambda lib, socket: socket.closed,
    "close": call("close"),
    "repr": lambda lib, socket: Step(repr(socket).split(" at ")[0] + " closed" * ("closed" in repr(socket))),
    "with": lambda lib, socket: socket.__exit__(None, None, None) or socket.closed,
}


def outcomes(lib: Any, story: dict[str, Any]) -> list[str]:
    """What each step did, with what the sockets can do afterwards."""
    context = lib.Context()
    sockets = [context.socket(getattr(lib, kind)) for kind in story["types"]]
    try:
        for number, socket in enumerate(sockets):       # else libzmq makes one up
            if socket.socket_type in (lib.REQ, lib.REP, lib.DEALER, lib.ROUTER):
                socket.routing_id = b"socket %d" % number
        sockets[0].bind(ENDPOINT)
        sockets[1].connect(ENDPOINT)
        found = [events(lib, sockets)]
        for name, which, *arguments in story["steps"]:
            if sockets[1 - which].closed:       # which another thread of libzmq tells this one, some time
                found.append("has lost its peer")
                continue
            outcome = attempt(lib, CALLS[name], lib, sockets[which], *arguments)
            found.append(f"{outcome}; {events(lib, sockets)}")
        return found
    finally:
        for socket in sockets:
            socket.close(linger=0)
        context.destroy(linger=0)


def events(lib: Any, sockets: list[Any]) -> str:
    """What each can do; nothing once one is closed."""
    if any(socket.closed for socket in sockets):
        return "closed"
    return " ".join(str(socket.get(lib.EVENTS)) for socket in sockets)


def main(library: str) -> None:
    lib = importlib.import_module(library)
    warnings.simplefilter("ignore")
    gc.disable()
    with contextlib.suppress(KeyboardInterrupt):
        for line in sys.stdin:
            print(json.dumps(outcomes(lib, json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
