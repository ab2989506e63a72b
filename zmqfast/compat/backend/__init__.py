"""zmq.backend: the compiled classes and functions, below the conveniences."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from zmqfast._core import (
    IPC_PATH_MAX_LEN,
    PYZMQ_DRAFT_API,
    Context,
    Frame,
    Socket,
    curve_keypair,
    curve_public,
    has,
    proxy,
    proxy_steerable,
    strerror,
    zmq_errno,
    zmq_poll,
    zmq_version_info,
)
from zmqfast._core import Frame as Message

__all__ = [
    "IPC_PATH_MAX_LEN",
    "PYZMQ_DRAFT_API",
    "Context",
    "Frame",
    "Message",
    "Socket",
    "curve_keypair",
    "curve_public",
    "has",
    "proxy",
    "proxy_steerable",
    "strerror",
    "zmq_errno",
    "zmq_poll",
    "zmq_version_info",
]


def __getattr__(name: str) -> Any:
    if name == "monitored_queue":       # pure Python here, so above this layer
        return import_module("zmqfast.devices").monitored_queue
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
