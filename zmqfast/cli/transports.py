"""What a build of libzmq can do on this machine: capabilities, and the transports that follow from them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

CAPABILITIES = ("curve", "draft", "gssapi", "ipc", "norm", "pgm", "tipc", "vmci", "vsock", "WS", "WSS")
"""What to ask zmq_has() for."""

TRANSPORTS = {
    "tcp": "", "ipc": "ipc", "inproc": "", "udp": "draft", "ws": "WS", "wss": "WSS", "tipc": "tipc",
    "pgm": "pgm", "epgm": "pgm", "norm": "norm", "vmci": "vmci", "vsock": "vsock",
}
"""Every transport of libzmq, with the capability that it needs, if any."""

VSOCK_LOCAL = 1     # VMADDR_CID_LOCAL: this machine


def capabilities(zmq: Any) -> dict[str, bool]:
    """What the libzmq of a library (zmqfast or pyzmq) was built with."""
    return {name: bool(zmq.has(name)) for name in CAPABILITIES}


def transports(has: Mapping[str, bool]) -> list[str]:
    """The transports in a libzmq with these capabilities."""
    return [name for name, needed in TRANSPORTS.items() if not needed or has[needed]]


def kernel_lacks(transport: str) -> str:
    """Why this machine's kernel cannot carry a transport from one process to another; empty when it can."""
    if transport not in ("tipc", "vsock"):
        return ""
    family = getattr(socket, f"AF_{transport.upper()}", None)
    if family is None:
        return f"no {transport} on this system"
    try:
        with socket.socket(family, socket.SOCK_STREAM) as own:
            if transport == "vsock":
                own.bind((VSOCK_LOCAL, socket.VMADDR_PORT_ANY))
    except OSError:
        return "this kernel has no tipc" if transport == "tipc" else "this kernel has no vsock loopback"
    return ""
