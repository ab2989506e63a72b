"""RADIO-DISH over udp and PUB-SUB over multicast, which may lose messages: what did not come is sent again."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from typing import Any

from .side import Side
from .streams import PROBE, await_probe, probe_until_subscribed

NUMBER = struct.Struct("!Q")
WINDOW_MESSAGES = 64    # on their way at once: with 1 KiB each they fit into the kernel's buffer
QUIET_MS = 250          # what has not come by then is sent again
RATE_KBITS = 400_000    # of multicast: only an upper bound, for the windows set the pace
RECOVERY_MS = 1000


def radio(side: Side) -> None:
    socket = side.connect(side.open("RADIO"))
    send_numbered(side, partial(socket.send, group="text"))


def dish(side: Side) -> None:
    socket = side.open("DISH", RCVHWM=0)     # at most a window waits here
    socket.join("text")
    receive_numbered(side, side.bind(socket))


def publish(side: Side) -> None:
    send_numbered(side, side.connect(side.open("PUB", **multicast_options(side))).send)


def subscribe(side: Side) -> None:
    receive_numbered(side, side.bind(side.open("SUB", SUBSCRIBE=b"", RCVHWM=0, **multicast_options(side))))


def multicast_options(side: Side) -> dict[str, Any]:
    options = {"RATE": RATE_KBITS, "RECOVERY_IVL": RECOVERY_MS}
    if side.transport == "norm":    # at RATE, for congestion control starts slowly; and each write at once
        options.update({"NORM_MODE": side.zmq.NORM_FIXED, "NORM_PUSH": 1})
    return options


def send_numbered(side: Side, send: Callable[[bytes], Any]) -> None:
    """Send windows of numbered messages; the next only when the receiver has this one, be it by sending again."""
    probe_until_subscribed(side, send)
    side.sent_again = 0
    numbered = enumerate(side.start())
    turns = count()
    while window := {number: NUMBER.pack(number) + body for number, body in islice(numbered, WINDOW_MESSAGES)}:
        missing = list(window)
        while missing:
            for number in missing:
                send(window[number])
            turn = next(turns)
            side.board.post(f"sent {turn}", [min(window), max(window) + 1])
            missing = side.board.wait(f"missing {turn}")
            side.sent_again += len(missing)
    side.board.post(f"sent {next(turns)}", [0, 0])


def receive_numbered(side: Side, socket: Any) -> None:
    """Take in the windows in order, and say after each what did not come."""
    await_probe(side, socket)

    def windows() -> Iterator[bytes]:
        came: dict[int, bytes] = {}
        for turn in count():
            window = range(*side.board.wait(f"sent {turn}"))
            if not window:
                return
            while len(came) < len(window) and socket.poll(QUIET_MS):
                message = socket.recv()
                number = -1 if message == PROBE else NUMBER.unpack_from(message)[0]
                if number in window:    # else it comes late: it was sent again before
                    came[number] = message[NUMBER.size:]
            side.board.post(f"missing {turn}", [number for number in window if number not in came])
            if len(came) == len(window):
                yield from map(came.pop, window)

    side.board.post("ready")
    side.take(windows())
