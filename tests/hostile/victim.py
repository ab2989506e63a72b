"""A process with two sockets of every type, for hostile peers; it sends back what well-behaved ones say.

    python victim.py '{"transport": "tcp", "tag": "…", …}'

Of each type, A is where a well-behaved peer is as well, and B is not. What begins with the tag is sent back to it, through
the socket that answers it; all else is thrown away. Prints its endpoints, then works until its stdin ends.
"""

from __future__ import annotations

import errno
import json
import resource
import select
import sys
import time
from collections.abc import Callable

import zmqfast as zmq

GROUP = "g"
THROUGH = {     # what comes in by the one goes out by the other; the rest answer for themselves
    "PULL": "PUSH", "SUB": "PUB", "XSUB": "XPUB", "DISH": "RADIO", "GATHER": "SCATTER",
}
ANSWERING = ("PAIR", "REQ", "REP", "DEALER", "ROUTER", "CLIENT", "SERVER", "CHANNEL", "PEER")
DRAFTS = ("CLIENT", "SERVER", "RADIO", "DISH", "GATHER", "SCATTER", "CHANNEL", "PEER")
GREETS = ("DEALER", "CLIENT", "REQ")    # says the first word, or nobody can answer it
# libzmq keeps the connection of a peer that has gone while what it said cannot be read: by a REQ that asks nothing, by a PAIR
# that has another peer. These are closed, and opened again, from time to time.
RENEWED = ("REQ-B", "PAIR-B", "CHANNEL-B")
RENEW_S = 0.5


def kinds(transport: str) -> list[str]:
    every = [*THROUGH, *THROUGH.values(), *ANSWERING]
    return [kind for kind in every if kind not in DRAFTS or (zmq.DRAFT_API and transport != "ws")]


class Victim:
    def __init__(self, settings: dict) -> None:
        self.tag = settings["tag"].encode()
        self.settings = settings
        self.context = zmq.Context()
        self.sockets: dict[str, zmq.Socket] = {}
        self.ends: dict[str, str] = {}
        self.unsaid: list[tuple[str, object]] = []      # what there was no room for
        for kind in kinds(settings["transport"]):
            for letter in "AB":
                name = f"{kind}-{letter}"
                self.sockets[name] = self.bound(kind, letter)
                self.ends[name] = self.sockets[name].last_endpoint.rstrip(b"\0").decode()
                if kind in GREETS and letter == "A":
                    self.unsaid.append((name, self.tag))

    def bound(self, kind: str, letter: str, endpoint: str = "") -> zmq.Socket:
        socket = self.context.socket(getattr(zmq, kind))
        socket.linger = 0
        socket.maxmsgsize = self.settings["maxmsgsize"]
        socket.handshake_ivl = self.settings["handshake_ivl"]
        socket.backlog = 4096
        if letter == "B":
            socket.rcvhwm = socket.sndhwm = 10
        for name, value in self.settings.get("options", {}).items():
            setattr(socket, name, value)
        if kind == "SUB":
            socket.subscribe(b"")
        if kind == "DISH":
            socket.join(GROUP)
        transport = self.settings["transport"]
        fresh = f"ipc://{self.settings['folder']}/{kind}-{letter}" if transport == "ipc" else f"{transport}://127.0.0.1:*"
        try:
            socket.bind(endpoint or fresh)
        except zmq.ZMQError:
            socket.close()
            raise
        if kind == "XSUB":
            socket.send(b"\1")
        return socket

    def take(self, name: str) -> bool:
        """Receive one message, if there is one, and send it back if it is ours."""
        kind, _, letter = name.partition("-")
        socket = self.sockets[name]
        try:
            frames = socket.recv_multipart(zmq.DONTWAIT, copy=False)
        except zmq.ZMQError:        # nothing there, or a socket that only sends, or has a reply to send first
            return False
        body = frames[-1].bytes
        if kind == "REP" and not (letter == "A" and body.startswith(self.tag)):
            socket.send(b"")
        elif letter == "A" and body.startswith(self.tag):
            answer = [*(frame.bytes for frame in frames[:-1]), body] if kind == "ROUTER" else body
            if kind in ("SERVER", "PEER"):
                answer = (body, frames[-1].routing_id)
            self.send(f"{THROUGH.get(kind, kind)}-A", answer)
        return True

    def send(self, name: str, answer: object) -> None:
        socket = self.sockets[name]
        try:
            match answer:
                case list():
                    socket.send_multipart(answer, zmq.DONTWAIT)
                case (body, routing_id):
                    socket.send(body, zmq.DONTWAIT, routing_id=routing_id)
                case _ if name.startswith("RADIO"):
                    socket.send(answer, zmq.DONTWAIT, group=GROUP)
                case _:
                    socket.send(answer, zmq.DONTWAIT)
        except zmq.Again:
            self.unsaid.append((name, answer))
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:     # the hostile one that sent a copy of the tag has gone
                raise

    def renew(self, name: str) -> None:
        """Close it, and open it again where it was."""
        self.sockets[name].close()
        try:
            self.sockets[name] = self.bound(*name.split("-"), self.ends[name])
        except zmq.ZMQError as error:       # its endpoint, or a descriptor, is not free yet: next time
            if error.errno not in (zmq.EADDRINUSE, errno.EMFILE):
                raise

    def work(self, until: Callable[[], bool]) -> None:
        receiving = [name for name in self.sockets if name.partition("-")[0] not in THROUGH.values()]
        sending = [name for name in self.sockets if name not in receiving]
        receiving += [name for name in self.sockets if name.startswith("XPUB")]
        renewed_s = time.monotonic()
        while not until():
            if time.monotonic() - renewed_s > RENEW_S:
                for name in RENEWED:
                    if name in self.sockets:
                        self.renew(name)
                for name in sending:
                    self.sockets[name].get(zmq.EVENTS)      # a socket that is never used does not see who has gone
                renewed_s = time.monotonic()
            unsaid, self.unsaid = self.unsaid, []
            for name, answer in unsaid:
                self.send(name, answer)
            for _ in range(100):
                if not sum(self.take(name) for name in receiving):
                    break


def main() -> None:
    settings = json.loads(sys.argv[1])
    limit = settings.get("descriptors") or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    victim = Victim(settings)
    print(json.dumps(victim.ends), flush=True)
    victim.work(until=lambda: bool(select.select([sys.stdin], [], [], 0.001)[0]))
    victim.context.destroy(linger=0)
    print("end", flush=True)


if __name__ == "__main__":
    main()
