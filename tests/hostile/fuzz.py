"""Hostile peers against every socket type, while well-behaved ones exchange messages: none of those may be lost.

    python tests/hostile/fuzz.py --seconds 600 --transport tcp ipc ws --seed 1

Prints a table and ends with 0, or with 1 and what went wrong. An attack is known by its number: `--only NUMBER` repeats it.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import psutil

import attacks
import zmqfast as zmq
from victim import GROUP, THROUGH
from zmtp import Speaker

MAXMSGSIZE = 65536
HANDSHAKE_IVL_MS = 1000
STALL_S = 30                        # no message got through in that time: broken
WINDOW = 8                          # messages under way on a channel
GROWTH = 96 << 20                   # bytes the victim may grow by, whatever the hostile peers say
ATTACKERS = 3                       # threads
KEPT = 100                          # connections that each of them keeps open and silent
PARTNERS = {                        # which sockets of ours speak to the victim's A: what we send by, what we receive by
    "PULL": ("PUSH", "PULL"), "SUB": ("PUB", "SUB"), "XSUB": ("XPUB", "XSUB"), "DISH": ("RADIO", "DISH"),
    "GATHER": ("SCATTER", "GATHER"), "PAIR": ("PAIR",), "REQ": ("REP",), "REP": ("REQ",), "DEALER": ("ROUTER",),
    "ROUTER": ("DEALER",), "CLIENT": ("SERVER",), "SERVER": ("CLIENT",), "CHANNEL": ("CHANNEL",),
}
# A peer that these accept gets its share of what they send, or keeps the well-behaved one out: strangers only, at A.
SHARING = ("PUSH", "SCATTER", "DEALER", "REQ", "CLIENT", "PAIR", "CHANNEL")


class Broken(Exception):
    """A promise that was broken, in words."""


# -- well-behaved -----------------------------------------------------------------------------------------------------

class Channel:
    """Messages with number and checksum, that come back from the victim in order: none missing, none changed."""

    def __init__(self, context: zmq.Context, kind: str, ends: dict[str, str], tag: bytes, seed: int) -> None:
        self.kind = kind
        self.tag = tag
        self.chance = random.Random(seed)
        sockets = [context.socket(getattr(zmq, partner)) for partner in PARTNERS[kind]]
        for socket, target in zip(sockets, (kind, THROUGH.get(kind, kind))):
            socket.linger = 0
            if socket.type == zmq.SUB:
                socket.subscribe(b"")
            if socket.type == getattr(zmq, "DISH", None):
                socket.join(GROUP)
            socket.connect(ends[f"{target}-A"])
            if socket.type == zmq.XSUB:
                socket.send(b"\1")
        self.out, self.back = sockets[0], sockets[-1]
        self.address: object = None         # whom ROUTER and SERVER send to
        self.addressed = kind in ("DEALER", "CLIENT")
        self.sent = self.received = 0
        self.opened_s = self.moved_s = time.monotonic()

    def body(self, number: int) -> bytes:
        rest = number.to_bytes(8, "big") + self.chance.randbytes(int(2000 ** self.chance.random()))
        return self.tag + zlib.crc32(rest).to_bytes(4, "big") + rest

    def send(self) -> bool:
        """Send the next message, if it may go out now; the first one again and again until it is answered."""
        first = self.received == 0
        if self.sent - self.received >= (1 if first or self.kind in ("REP", "REQ") else WINDOW):
            return first and self.kind in THROUGH and time.monotonic() - self.moved_s > 0.1 and self.say(0)
        if self.addressed and self.address is None:
            return False
        if not self.say(self.sent):
            return False
        self.sent += 1
        return True

    def say(self, number: int) -> bool:
        body = self.body(number)
        self.moved_s = time.monotonic()
        try:
            if self.kind == "DEALER":
                self.out.send_multipart([self.address, body], zmq.DONTWAIT)
            elif self.kind == "CLIENT":
                self.out.send(body, zmq.DONTWAIT, routing_id=self.address)
            elif self.kind == "DISH":
                self.out.send(body, zmq.DONTWAIT, group=GROUP)
            else:
                self.out.send(body, zmq.DONTWAIT)
        except zmq.ZMQError:                # no room, or nobody there yet, or not our turn
            return False
        return True

    def receive(self) -> bool:
        try:
            frames = self.back.recv_multipart(zmq.DONTWAIT, copy=False)
        except zmq.ZMQError:
            return False
        body = frames[-1].bytes
        if self.kind == "DEALER":
            self.address = frames[0].bytes
        elif self.kind == "CLIENT":
            self.address = frames[0].routing_id
        if body == self.tag:                # the victim's first word
            if self.kind == "REQ":
                self.out.send(self.body(0))
                self.sent = 1
            return True
        checksum, rest = body[len(self.tag):len(self.tag) + 4], body[len(self.tag) + 4:]
        if not body.startswith(self.tag) or zlib.crc32(rest).to_bytes(4, "big") != checksum:
            raise Broken(f"{self.kind}: a changed message came back: {body[:40]!r}")
        number = int.from_bytes(rest[:8], "big")
        if number == 0 and self.received:   # the first one again
            return True
        if number != self.received:
            raise Broken(f"{self.kind}: message {self.received} was lost; {number} came")
        self.received += 1
        self.moved_s = time.monotonic()
        if self.kind == "REQ":
            self.out.send(self.body(self.sent))
            self.sent += 1
        return True

    def step(self) -> bool:
        moved = self.receive()
        if self.kind != "REQ":
            moved |= self.send()
        waiting = self.moved_s if self.received else self.opened_s
        if time.monotonic() - waiting > STALL_S:
            raise Broken(f"{self.kind}: nothing came back for {STALL_S} s, after {self.received} messages")
        return moved


class Exchange(threading.Thread):
    """All channels, in a thread with a context of its own."""

    def __init__(self, ends: dict[str, str], tag: bytes, seed: int) -> None:
        super().__init__(daemon=True)
        self.context = zmq.Context()
        names = {name.partition("-")[0] for name in ends}
        self.channels = [Channel(self.context, kind, ends, tag, seed) for kind in PARTNERS if kind in names]
        self.over = threading.Event()
        self.broken: Exception | None = None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                if not sum([channel.step() for channel in self.channels]):
                    time.sleep(0.001)
        except Exception as error:
            self.broken = error
        self.context.destroy(linger=0)

    def check(self) -> None:
        if self.broken:
            raise Broken(str(self.broken)) from self.broken

    def wait(self, messages: int, timeout_s: float = 60) -> None:
        """Until each channel has brought so many more messages back."""
        goals = [channel.received + messages for channel in self.channels]
        deadline = time.monotonic() + timeout_s
        while any(channel.received < goal for channel, goal in zip(self.channels, goals)):
            self.check()
            if time.monotonic() > deadline:
                slow = [channel.kind for channel, goal in zip(self.channels, goals) if channel.received < goal]
                raise Broken(f"{', '.join(slow)}: not {messages} messages in {timeout_s} s")
            time.sleep(0.01)


# -- the victim -------------------------------------------------------------------------------------------------------

class VictimProcess:
    def __init__(self, transport: str, folder: str, **settings: object) -> None:
        self.tag = secrets.token_hex(8)
        given = {"transport": transport, "folder": folder, "tag": self.tag, "maxmsgsize": MAXMSGSIZE,
                 "handshake_ivl": HANDSHAKE_IVL_MS, **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(Path(__file__).with_name("victim.py")), json.dumps(given)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ends: dict[str, str] = json.loads(self.process.stdout.readline())
        self.seen = psutil.Process(self.process.pid)

    def check(self) -> None:
        if self.process.poll() is not None:
            raise Broken(f"the victim ended with status {self.process.returncode}")

    @property
    def memory(self) -> int:
        return self.seen.memory_info().rss

    @property
    def descriptors(self) -> int:
        return self.seen.num_fds()

    def wait_descriptors(self, most: int, timeout_s: float) -> float:
        """Seconds until it has no more descriptors than that."""
        began = time.monotonic()
        while self.descriptors > most:
            self.check()
            if time.monotonic() - began > timeout_s:
                raise Broken(f"{self.descriptors} descriptors after {timeout_s:.0f} s, not {most}: {self.connections()}")
            time.sleep(0.02)
        return time.monotonic() - began

    def connections(self) -> dict[str, int]:
        """How many each of its sockets has over tcp, and in which state."""
        names = {int(end.rpartition(":")[2]): name for name, end in self.ends.items() if not end.startswith("ipc")}
        return dict(collections.Counter(
            f"{names[each.laddr.port]} {each.status}" for each in self.seen.net_connections("tcp")
            if each.laddr.port in names and each.status != psutil.CONN_LISTEN))

    def end(self) -> None:
        """End it in order; it must be able to."""
        try:
            said, _ = self.process.communicate("", timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Broken("the victim did not end in 30 s") from None
        if self.process.returncode or said != "end\n":
            raise Broken(f"the victim ended with status {self.process.returncode}: {said}")


# -- hostile ----------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Attacker:
    """Carries out attacks, one after the other; what each does follows from the seed and its number."""

    ends: dict[str, str]
    transport: str
    seed: int
    made: int = 0
    last: str = ""

    def __post_init__(self) -> None:
        self.kept: list[Speaker] = []

    def choose(self, number: int) -> tuple[random.Random, str, attacks.Attack]:
        chance = random.Random(f"{self.seed} {number}")
        name = chance.choice(list(self.ends))
        kind, _, letter = name.partition("-")
        among = attacks.STRANGERS + attacks.INTRUDERS
        if self.transport == "ws":
            among = attacks.OVER_WEBSOCKET
        if letter == "A" and kind in SHARING:
            among = attacks.STRANGERS if self.transport != "ws" else (attacks.break_the_request,)
        return chance, name, chance.choice(among)

    def attack(self, number: int) -> None:
        chance, name, attack = self.choose(number)
        self.last = f"{number} {attack.__name__} at {name}"
        script = attack(chance, name.partition("-")[0])
        try:
            speaker = Speaker(self.ends[name], timeout_s=2)
        except OSError:                 # refused: its queue is full, or its descriptors have run out
            return
        self.made += 1
        for step in script:
            match step:
                case bytes():
                    speaker.say(step)
                case float():
                    time.sleep(step)
                case attacks.KEEP:
                    self.kept.append(speaker)
                case attacks.RESET:
                    speaker.reset()
                case _:
                    speaker.socket.close()
        if len(self.kept) > KEPT:
            self.kept.pop(0).socket.close()

    def leave(self) -> None:
        for speaker in self.kept:
            speaker.socket.close()
        self.kept.clear()


class Hostility(threading.Thread):
    def __init__(self, attacker: Attacker, numbers: range, until_s: float) -> None:
        super().__init__(daemon=True)
        self.attacker, self.numbers, self.until_s = attacker, numbers, until_s
        self.broken: Exception | None = None

    def run(self) -> None:
        try:
            for number in self.numbers:
                if time.monotonic() > self.until_s:
                    break
                self.attacker.attack(number)
        except Exception as error:
            self.broken = error
        finally:
            self.attacker.leave()


# -- a round ----------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Outcome:
    transport: str
    attacks: int
    messages: int
    growth: int             # bytes
    descriptors: int        # more than before, when all hostile peers have gone


def fuzz(transport: str, seconds: float, seed: int, *, attacks_at_most: int | None = None, first: int = 0) -> Outcome:
    """Attack for that long; Broken if a message is lost or changed, or if the victim ends, grows, or keeps descriptors."""
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        victim = VictimProcess(transport, folder)
        exchange = Exchange(victim.ends, victim.tag.encode(), seed)
        hostile: list[Hostility] = []
        try:
            exchange.start()
            exchange.wait(20)
            memory, descriptors = victim.memory, victim.descriptors
            until_s = time.monotonic() + seconds
            stop = first + (attacks_at_most or sys.maxsize - first)
            hostile = [
                Hostility(Attacker(victim.ends, transport, seed), range(first + i, stop, ATTACKERS), until_s)
                for i in range(ATTACKERS)]
            for thread in hostile:
                thread.start()
            while any(thread.is_alive() for thread in hostile):
                victim.check()
                exchange.check()
                if victim.memory - memory > GROWTH:
                    raise Broken(f"the victim grew by {(victim.memory - memory) >> 20} MiB")
                time.sleep(0.05)
            for thread in hostile:
                if thread.broken:
                    raise thread.broken
            exchange.wait(20)
            victim.wait_descriptors(descriptors, timeout_s=20)
            outcome = Outcome(transport, sum(thread.attacker.made for thread in hostile),
                              sum(channel.received for channel in exchange.channels),
                              victim.memory - memory, victim.descriptors - descriptors)
        except Broken as broken:
            lately = "; ".join(thread.attacker.last for thread in hostile)
            victim.process.poll()
            raise Broken(f"{broken} (transport {transport}, seed {seed}, lately: {lately})") from broken
        finally:
            exchange.over.set()
            exchange.join(20)
            if sys.exc_info()[0] is not None:
                victim.process.kill()
                victim.process.wait()
        victim.end()
        return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="for each transport")
    parser.add_argument("--transport", nargs="+", default=["tcp", "ipc", *(["ws"] if zmq.has("ws") else [])])
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--only", type=int, help="this attack, and no other")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}; libzmq {zmq.zmq_version()}")
    print(f"{'transport':10} {'attacks':>9} {'messages':>9} {'lost':>5} {'grown, MiB':>11} {'descriptors':>12}")
    for transport in arguments.transport:
        single = {} if arguments.only is None else {"attacks_at_most": 1, "first": arguments.only}
        try:
            outcome = fuzz(transport, arguments.seconds, arguments.seed, **single)
        except Broken as broken:
            sys.exit(f"broken: {broken}")
        print(f"{transport:10} {outcome.attacks:9} {outcome.messages:9} {0:5} {outcome.growth / (1 << 20):11.1f}"
              f" {outcome.descriptors:12}", flush=True)


if __name__ == "__main__":
    main()
