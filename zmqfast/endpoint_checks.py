"""Whether the system lets libzmq have what an endpoint names; the core asks before libzmq would abort over it.

Each raises OSError with the errno that bind and connect then report. Imported only when such an endpoint is named.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import time
from pathlib import Path

IPPROTO_PGM = 113


def check_listening(fd: int) -> None:
    """`fd`, an option USE_FD, is a socket that listens: libzmq's epoll refuses others (epoll.cpp)."""
    with socket.socket(fileno=os.dup(fd)) as listener:
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(errno.EINVAL, "does not listen")


def check_raw_socket() -> None:
    """pgm needs a raw socket, and so the right to have one (pgm_socket.cpp)."""
    socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_PGM).close()


def check_norm(endpoint: str) -> None:
    """norm://[id,][interface;]address:port, as norm_engine.cpp reads it, exists, and its port is free now."""
    interface, _, place = endpoint[len("norm://"):].rpartition(",")[2].rpartition(";")
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise OSError(errno.EINVAL, "not [interface;]address:port")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        raise OSError(errno.EINVAL, str(error)) from None
    shared = ipaddress.ip_address(str(address[0]).partition("%")[0]).is_multicast
    if interface and interface not in (name for _, name in socket.if_nameindex()):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as trial:
                trial.bind((interface, 0))      # it may be an address of ours instead
        except OSError:
            raise OSError(errno.ENODEV, interface) from None
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        if shared:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(("", int(port)))


def is_taken(endpoint: str) -> bool:
    """Whether somebody has the port of a norm endpoint; found out without having it for a moment ourselves.

    Where the system has no /proc/net, whether it may be assumed.
    """
    port = int(endpoint.rpartition(":")[2])
    tables = [table for table in map(Path, ("/proc/net/udp", "/proc/net/udp6")) if table.exists()]
    if not tables:
        time.sleep(0.1)
        return True
    return any(
        int(line.split()[1].rpartition(":")[2], 16) == port
        for table in tables for line in table.read_text().splitlines()[1:])
