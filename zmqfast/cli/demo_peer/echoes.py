"""REQ-REP and ROUTER-DEALER: each message comes back, and is digested there too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from .side import END, Side

IN_FLIGHT = 500         # requests of a DEALER without their reply; half a high-water mark


def requester(side: Side) -> None:
    socket = side.connect(side.open("REQ"))

    def replies() -> Iterator[bytes]:
        for message in side.start():
            socket.send(message)
            yield socket.recv()

    side.take(replies())
    socket.send(END)
    socket.recv()


def replier(side: Side) -> None:
    socket = side.bind(side.open("REP"))

    def requests() -> Iterator[bytes]:
        while message := socket.recv():
            socket.send(message)
            yield message

    side.board.post("ready")
    side.take(requests())
    socket.send(END)


def dealer(side: Side) -> None:
    """Send requests as [delimiter, body], at most IN_FLIGHT of them ahead of the replies."""
    socket = side.connect(side.open("DEALER"))

    def replies() -> Iterator[bytes]:
        messages = side.start()
        for message in islice(messages, IN_FLIGHT):
            socket.send_multipart([b"", message])
        for message in messages:
            yield socket.recv_multipart()[1]
            socket.send_multipart([b"", message])
        socket.send_multipart([b"", END])
        while body := socket.recv_multipart()[1]:
            yield body

    side.take(replies())


def router(side: Side) -> None:
    """Send each request back to where it came from; without the peer, or with its queue full, that fails or waits."""
    socket = side.bind(side.open("ROUTER", ROUTER_MANDATORY=1))

    def requests() -> Iterator[bytes]:
        while True:
            routing_id, delimiter, body = socket.recv_multipart()
            socket.send_multipart([routing_id, delimiter, body])
            if not body:
                return
            yield body

    side.board.post("ready")
    side.take(requests())
