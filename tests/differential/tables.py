"""What the tables run over: values of every kind, and a socket type on which each option means something."""

from __future__ import annotations

import array
import pathlib
from typing import Any

KEY_TEXT = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"  # a CURVE key in Z85


class Index:
    """An integer that is no int."""

    def __index__(self) -> int:
        return 3


VALUES: dict[str, Any] = {
    "0": 0,
    "1": 1,
    "-1": -1,
    "-2": -2,
    "7": 7,
    "2**31-1": 2**31 - 1,
    "2**31": 2**31,
    "-2**31-1": -(2**31) - 1,
    "2**63-1": 2**63 - 1,
    "2**63": 2**63,
    "2**64": 2**64,
    "10**30": 10**30,
    "-10**30": -(10**30),
    "True": True,
    "1.0": 1.0,
    "nan": float("nan"),
    "an object with __index__": Index(),
    "''": "",
    "'a'": "a",
    "'x\\0y'": "x\0y",
    "'é'": "é",
    "'\\ud800'": "\ud800",
    "b''": b"",
    "b'a'": b"a",
    "b'\\0'": b"\0",
    "1 byte": b"\x01",
    "4 bytes": b"\x01\0\0\0",
    "8 bytes": b"\x01\0\0\0\0\0\0\0",
    "32 bytes": bytes(range(1, 33)),
    "254 bytes": b"a" * 254,
    "255 bytes": b"a" * 255,
    "256 bytes": b"a" * 256,
    "70000 bytes": b"a" * 70000,
    "a key as str": KEY_TEXT,
    "a key as bytes": KEY_TEXT.encode(),
    "an address": "127.0.0.1:9050",
    "an address as bytes": b"127.0.0.1:9050",
    "bytearray": bytearray(b"ab"),
    "memoryview": memoryview(b"ab"),
    "array": array.array("i", [1, 2]),
    "strided memoryview": memoryview(b"abcdef")[::2],
    "None": None,
    "[]": [],
    "[1]": [1],
    "()": (),
    "{}": {},
    "a class": object,
}

SUITABLE = {
    "SUBSCRIBE": "SUB",
    "UNSUBSCRIBE": "SUB",
    "TOPICS_COUNT": "SUB",
    "INVERT_MATCHING": "XPUB",
    "ONLY_FIRST_SUBSCRIBE": "XPUB",
    "PROBE_ROUTER": "ROUTER",
    "CONNECT_ROUTING_ID": "ROUTER",
}

PREFIXES = {"XPUB_": "XPUB", "XSUB_": "XSUB", "ROUTER_": "ROUTER", "REQ_": "REQ", "STREAM_": "STREAM"}


def suitable_type(option: str) -> str:
    """The name of a socket type that takes the option."""
    if option in SUITABLE:
        return SUITABLE[option]
    return next((name for prefix, name in PREFIXES.items() if option.startswith(prefix)), "DEALER")

ENDPOINTS: dict[str, Any] = {
    repr(endpoint): endpoint
    for endpoint in (
        "", "tcp", "tcp:", "tcp:/", "tcp://", "tcp://:", "tcp://*", "tcp://*:", "tcp://127.0.0.1", "tcp://127.0.0.1:",
        "tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "tcp://127.0.0.1:!", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:99999999999999999999", "tcp://127.0.0.1:abc", "tcp://127.0.0.1:1x", "tcp://127.0.0.1: 1",
        "tcp://127.0.0.1:*:*", "tcp://127.0.0.1:*;127.0.0.1:*", "tcp://127.0.0.1:0;127.0.0.1:1",
        "tcp://192.0.2.1:*", "tcp://256.256.256.256:*", "tcp://lo:*", "tcp://nosuchinterface:*", "tcp://[::1]:*",
        "tcp://[::1:*", "tcp://::1:*", "tcp:// :*", " tcp://127.0.0.1:*", "tcp://127.0.0.1:* ", "TCP://127.0.0.1:*",
        "tcp://" + "a" * 300 + ":1", "tcp://é:1", "tcp://127.0.0.1:\0*", "tcp://\ud800:1",
        "inproc://", "inproc://a", "inproc://é", "inproc://" + "a" * 300, "inproc", "inproc:a", "INPROC://a",
        "ipc://", "ipc:///no/such/folder/socket", "ipc://" + "a" * 108, "ipc:///" + "a" * 300, "ipc://*", "ipc:///",
        "udp://127.0.0.1:5555", "udp://", "pgm://", "epgm://", "norm://", "tipc://", "tipc://{5555,0,0}", "vmci://",
        "vmci://1:1", "http://127.0.0.1:80", "://", "://a", "x://y", "tcp//127.0.0.1:*", "tcp\0://a", "\0", "é", "\ud800",
        b"", b"tcp", b"tcp://127.0.0.1:*", b"inproc://a", b"\xff", b"tcp://\xff:1", b"inproc://\xff", b"\0",
        None, 0, 5555, 1.5, True, (), [], {}, ("tcp://127.0.0.1:*",), ["inproc://a"], object,
    )
}
ENDPOINTS["bytearray"] = bytearray(b"inproc://a")
ENDPOINTS["memoryview"] = memoryview(b"inproc://a")
ENDPOINTS["a path"] = pathlib.PurePosixPath("ipc://a")
ENDPOINTS["a subclass of str"] = type("Text", (str,), {})("inproc://a")
ENDPOINTS["a subclass of bytes"] = type("Data", (bytes,), {})(b"inproc://a")

NOT_WITH_PYZMQ = {repr(endpoint): endpoint for endpoint in ("ws://", "ws://127.0.0.1:*", "wss://127.0.0.1:*")}

NOT_FLAGS: dict[str, Any] = {
    "-1": -1, "1024": 1024, "2**31": 2**31, "2**64": 2**64, "None": None, "'1'": "1", "1.0": 1.0, "b'1'": b"1",
    "[]": [], "an object": object(), "True": True, "an object with __index__": Index(),
}
