"""One process of the soak: `python roles.py ROLE '{"bind": …}'`.

Says what it has counted each half second, as a line of JSON; obeys its stdin: `descriptors` uses them up for a while, `end`
ends it in order, and so does the end of stdin.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import signal
import sys
import threading
import time
import zlib
from collections.abc import Iterator

import zmqfast as zmq
from zmqfast.patterns.pipeline import Sink, Ventilator, Worker
from zmqfast.patterns.request_reply import Client, Server

SAY_EACH_S = 0.5
STALL_S = 0.5                       # so much later, a process did not have the processor
DESCRIPTORS = 300
PRESSURE_S = 2
BURST, PAUSE_S = 20, 0.01           # published: 2000 messages a second
WINDOW = 16                         # requests of a DEALER under way
LOST_AFTER_S = 8                    # without an answer
HEARTBEAT_S = 5                     # of the pipeline: beside a storm, a worker that has to wait for its turn is no dead one
DEAD_AFTER_MS = 4000                # of plain sockets, in silence: likewise
CALL_S = 120                        # for all tries of a call: longer than any disturbance


class Counts:
    """What one role knows: how many messages went out and came in, how many never came, how many came wrong; how often the
    machine did not let it run.
    """

    def __init__(self) -> None:
        self.sent = self.received = self.lost = self.wrong = self.signals = self.stalled = 0
        self.over = threading.Event()

    def say(self) -> None:
        counted = {name: value for name, value in vars(self).items() if name != "over"}
        print(json.dumps({**counted, "memory": memory(), "descriptors": descriptors()}), flush=True)


counts = Counts()


def memory() -> int:
    """Resident, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) - 1


def press() -> None:
    """Leave no descriptor free for some time."""
    held = []
    with contextlib.suppress(OSError):
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    time.sleep(PRESSURE_S)
    for descriptor in held:
        os.close(descriptor)


def obey() -> None:
    for line in sys.stdin:
        if line.strip() == "end":
            break
        if line.strip() == "descriptors":
            threading.Thread(target=press, daemon=True).start()
    counts.over.set()


def report() -> None:
    said = time.monotonic()
    while not counts.over.wait(SAY_EACH_S):
        counts.stalled += time.monotonic() > said + SAY_EACH_S + STALL_S
        said = time.monotonic()
        with contextlib.suppress(OSError):          # no descriptor to count descriptors with
            counts.say()


def packed(epoch: bytes, number: int) -> bytes:
    rest = epoch + number.to_bytes(8, "big") + bytes(number % 300)
    return zlib.crc32(rest).to_bytes(4, "big") + rest


def unpacked(body: bytes) -> tuple[bytes, int] | None:
    """Whose message it is and which one; None if it was changed."""
    rest = body[4:]
    if zlib.crc32(rest).to_bytes(4, "big") != body[:4]:
        return None
    return rest[:8], int.from_bytes(rest[8:16], "big")


def secure(socket: zmq.Socket, options: dict[str, object]) -> None:
    for name, value in options.items():
        setattr(socket, name, value.encode() if isinstance(value, str) else value)


def opened(context: zmq.Context, kind: int, settings: dict, **options: object) -> zmq.Socket:
    socket = context.socket(kind)
    usual = {"linger": 0, "reconnect_ivl": 50, "heartbeat_ivl": 500, "heartbeat_timeout": DEAD_AFTER_MS}
    for name, value in {**usual, **options}.items():
        setattr(socket, name, value)
    secure(socket, settings["security"]["bind" if "bind" in settings else "connect"])
    if kind == zmq.SUB:
        socket.subscribe(b"")
    socket.bind(settings["bind"]) if "bind" in settings else socket.connect(settings["connect"])
    return socket


def came(socket: zmq.Socket) -> list[bytes]:
    """What has come by now, after waiting for it a little."""
    return socket.recv_many(flags=zmq.DONTWAIT) if socket.poll(100) else []


# -- plain sockets ----------------------------------------------------------------------------------------------------

def emit(settings: dict) -> None:
    """PUB or PUSH: numbers messages, each process under a name of its own."""
    epoch = secrets.token_bytes(8)
    with zmq.Context() as context:
        socket = opened(context, getattr(zmq, settings["kind"]), settings, sndhwm=100_000, sndtimeo=200)
        while not counts.over.wait(PAUSE_S):
            for _ in range(BURST):
                with contextlib.suppress(zmq.Again):
                    socket.send(packed(epoch, counts.sent))
                    counts.sent += 1


def absorb(settings: dict) -> None:
    """SUB or PULL: a number that is left out is lost, one that comes twice or changed is wrong.

    One that comes late is neither: a connection that was cut may leave messages behind while the next one brings more.
    """
    expected: dict[bytes, int] = {}
    gaps: list[tuple[bytes, range]] = []
    with zmq.Context() as context:
        socket = opened(context, getattr(zmq, settings["kind"]), settings, rcvhwm=100_000)
        while not counts.over.is_set():
            for body in came(socket):
                counts.received += 1
                match unpacked(body):
                    case None:
                        counts.wrong += 1
                    case epoch, number:
                        due = expected.get(epoch, number)       # the first one of an epoch: whoever joins late
                        if number > due:
                            gaps.append((epoch, range(due, number)))
                            counts.lost += number - due
                        elif number < due and filled(gaps, epoch, number):
                            counts.lost -= 1
                        else:
                            counts.wrong += number < due
                        expected[epoch] = max(number + 1, due)


def filled(gaps: list[tuple[bytes, range]], epoch: bytes, number: int) -> bool:
    """Whether a number had been left out; it is no more."""
    for place, (of, gap) in enumerate(gaps):
        if of == epoch and number in gap:
            gaps[place:place + 1] = [(epoch, part) for part in (range(gap.start, number), range(number + 1, gap.stop)) if part]
            return True
    return False


def answer(settings: dict) -> None:
    """ROUTER: sends back what came."""
    with zmq.Context() as context:
        socket = opened(context, zmq.ROUTER, settings, rcvtimeo=200)
        while not counts.over.is_set():
            with contextlib.suppress(zmq.Again):
                socket.send_multipart(socket.recv_multipart())
                counts.received += 1


def ask(settings: dict) -> None:
    """DEALER: a window of requests; what has no answer after some time is lost, what comes after that is not counted."""
    epoch = secrets.token_bytes(8)
    waiting: dict[int, float] = {}
    given_up = -1
    with zmq.Context() as context:
        socket = opened(context, zmq.DEALER, settings)
        while not counts.over.is_set():
            while len(waiting) < WINDOW and socket.try_send(packed(epoch, counts.sent)):
                waiting[counts.sent] = time.monotonic()
                counts.sent += 1
            for body in socket.recv_many(flags=zmq.DONTWAIT):
                number = (unpacked(body) or (b"", -1))[1]
                if waiting.pop(number, None) is not None:
                    counts.received += 1
                elif not 0 <= number <= given_up:
                    counts.wrong += 1
            late = [number for number, asked_s in waiting.items() if time.monotonic() - asked_s > LOST_AFTER_S]
            for number in late:
                del waiting[number]
                given_up = max(given_up, number)
            counts.lost += len(late)
            time.sleep(0.002)


# -- patterns ---------------------------------------------------------------------------------------------------------

class SecuredSocket(zmq.Socket):
    """Where a pattern binds it is CURVE's server, where it connects its client."""

    def bind(self, addr):
        secure(self, self.context.options["bind"])
        return super().bind(addr)

    def connect(self, addr):
        secure(self, self.context.options["connect"])
        return super().connect(addr)


class SecuredContext(zmq.Context):
    _socket_class = SecuredSocket
    __slots__ = ("options",)


def secured(settings: dict) -> zmq.Context:
    context = SecuredContext()
    context.options = settings["security"]
    return context


def serve(settings: dict) -> None:
    with secured(settings) as context, Server({"back": lambda body: body[::-1]}, bind=settings["bind"], context=context):
        counts.over.wait()


def call(settings: dict) -> None:
    """Each call has its answer: that is promised while tries are left."""
    with secured(settings) as context, Client(settings["connect"], timeout=CALL_S, retries=CALL_S, context=context) as client:
        while not counts.over.is_set():
            body = b"%d" % counts.sent
            counts.sent += 1
            try:
                counts.wrong += client.call("back", body) != body[::-1]
                counts.received += 1
            except Exception as error:
                print(repr(error), file=sys.stderr)
                counts.lost += 1
            time.sleep(0.002)


def ventilate(settings: dict) -> None:
    def numbers() -> Iterator[int]:
        while not counts.over.is_set():
            yield counts.sent
            counts.sent += 1
            time.sleep(0.0005)

    with secured(settings) as context, \
            Ventilator(settings["bind"], codec="json", attempts=None, heartbeat=HEARTBEAT_S, context=context) as ventilator:
        ventilator.distribute(numbers())


def work(settings: dict) -> None:
    with secured(settings) as context, \
            Worker(settings["connect"], settings["sink"], lambda number: number + 1, codec="json", heartbeat=HEARTBEAT_S,
                   context=context):
        counts.over.wait()


def gather(settings: dict) -> None:
    """Each task has one result, in order."""
    with secured(settings) as context, \
            Sink(settings["bind"], settings["connect"], codec="json", ordered=True, heartbeat=HEARTBEAT_S,
                 context=context) as sink:
        for result in sink:
            counts.wrong += result != counts.received + 1
            counts.received += 1


ROLES = {role.__name__: role for role in (emit, absorb, answer, ask, serve, call, ventilate, work, gather)}


def on_signal(*_: object) -> None:
    counts.signals += 1


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    signal.signal(signal.SIGUSR1, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # Ctrl-C is for the soak, which ends us
    for thread in (obey, report):
        threading.Thread(target=thread, daemon=True).start()
    ROLES[sys.argv[1]](json.loads(sys.argv[2]))
    counts.say()


if __name__ == "__main__":
    main()
