"""Sockets of the libraries that have pyzmq's interface."""

from __future__ import annotations

import importlib
import os
from typing import Any

MODULES = {"zmqfast": "zmqfast", "pyzmq": "zmq", "pyomq": "pyomq"}
QUEUED = 1 << 28        # bytes that a queue may hold: 1000 messages, libzmq's default, of 16 MiB are more than there is
DEFAULT_HWM = 1000      # messages
MAX_SOCKETS = 2         # ZMQ_MAX_SOCKETS of zmq.h


def module(job: dict[str, Any]) -> Any:
    return importlib.import_module(MODULES[job["library"]])


def pair(zmq: Any, first_type: str = "PAIR", second_type: str = "PAIR", endpoint: str = "inproc://pair") -> tuple[Any, Any]:
    """Two connected sockets, as long as the process lives; a port `*` is the system's choice."""
    context = zmq.Context()
    return joined(context.socket(getattr(zmq, first_type)), context.socket(getattr(zmq, second_type)), endpoint)


def joined(first: Any, second: Any, endpoint: str) -> tuple[Any, Any]:
    """The first bound there, the second connected to it."""
    if endpoint == "tcp://127.0.0.1:*":
        endpoint = f"tcp://127.0.0.1:{first.bind_to_random_port('tcp://127.0.0.1')}"
    else:
        first.bind(endpoint)
    second.connect(endpoint)
    return first, second


def end(*sockets: Any) -> None:
    """Close these sockets, and end their context."""
    context = sockets[0].context
    for socket in sockets:
        socket.close(0)
    context.term()


def roomy_context(zmq: Any, sockets: int) -> Any:
    """A context of this module for so many sockets; pyomq's has no bound."""
    context = zmq.Context()
    if sockets > 500 and hasattr(context, "set"):
        context.set(MAX_SOCKETS, sockets + 100)
    return context


def registered(zmq: Any, number: int) -> tuple[Any, Any, Any]:
    """A Poller of so many PULL sockets over inproc, the last of them, and the PUSH that is connected to it."""
    context = roomy_context(zmq, number)
    poller = zmq.Poller()
    for place in range(number):
        pull = context.socket(zmq.PULL)
        pull.bind(f"inproc://{place}")
        poller.register(pull, zmq.POLLIN)
    push = context.socket(zmq.PUSH)
    push.connect(f"inproc://{number - 1}")
    return poller, pull, push


def opened(context: Any, zmq: Any, kind: str, job: dict[str, Any]) -> Any:
    """A socket with the options that the job asks for."""
    socket = context.socket(getattr(zmq, kind))
    for option in ("in_batch_size", "out_batch_size"):
        if job.get(option):
            socket.setsockopt(getattr(zmq, option.upper()), job[option])
    if job["size"] * DEFAULT_HWM > QUEUED:
        socket.set_hwm(max(2, QUEUED // job["size"]))
    return socket


def bind(socket: Any, job: dict[str, Any]) -> None:
    """Bind where the job says, and print the endpoint for who started us."""
    if job["transport"] == "tcp":
        endpoint = f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"
    else:
        endpoint = f"ipc://{job['folder']}/{os.getpid()}"
        socket.bind(endpoint)
    print(endpoint, flush=True)


def bound(job: dict[str, Any], kind: str) -> Any:
    zmq = module(job)
    socket = opened(zmq.Context(), zmq, kind, job)
    bind(socket, job)
    return socket


def connected(job: dict[str, Any], kind: str) -> list[Any]:
    """As many sockets as the job wants, connected to its endpoint."""
    zmq = module(job)
    context = roomy_context(zmq, job["connections"])
    sockets = []
    for _ in range(job["connections"]):
        socket = opened(context, zmq, kind, job)
        socket.connect(job["endpoint"])
        sockets.append(socket)
    return sockets
