"""What each pattern costs over raw sockets, between two processes over tcp: python bench/bench_patterns.py

Each row is a number of a second, the median of rounds in which the rows take turns; the last column is the median of its
part of the raw row, which is the first of its group.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import zmqfast as zmq
from zmqfast.cli.benchmark.peer.clock import rate_of, settled_rate
from zmqfast.patterns.pipeline import Sink, Ventilator, Worker
from zmqfast.patterns.publish_subscribe import Publisher, Subscriber
from zmqfast.patterns.request_reply import Client, Server
from zmqfast.patterns.router import Peer, Router

LOCAL = "tcp://127.0.0.1:*"
SIZE = 16       # bytes of a body
TOPIC = b"topic"
ITEMS = 300_000     # through the pipeline in a round
ROUNDS = 5      # of which the median counts

Contender = tuple[str, Callable[[float], float]]    # its name, and what measures its rate for so many seconds


def raw_replies(tell: Any) -> None:
    with zmq.Context() as context:
        rep = context.socket(zmq.REP)
        rep.bind(LOCAL)
        tell.send(rep.last_endpoint.decode())
        while True:
            rep.send(rep.recv())


def replies(tell: Any, threads: int) -> None:
    server = Server(lambda body: body, bind=LOCAL, threads=threads)
    tell.send(server.endpoint)
    server.run()


def routed(tell: Any) -> None:
    with Router(LOCAL) as router:
        tell.send(router.endpoint)
        for event in router:
            if event.wants_reply:
                router.reply(event, event.body)


def taking_turns(contenders: list[Contender], seconds: float) -> list[tuple[str, list[float]]]:
    """What each of them reaches in each round; they take turns, and have `seconds` in all."""
    found: dict[str, list[float]] = {name: [] for name, _ in contenders}
    for _ in range(ROUNDS):
        for name, measure in contenders:
            found[name].append(measure(seconds / ROUNDS))
    return list(found.items())


@contextlib.contextmanager
def beside(target: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """A process with the other side; gives what it tells."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(far, *arguments), daemon=True)
    process.start()
    try:
        yield near.recv()
    finally:
        process.kill()
        process.join()


def calls(once: Callable[[], object]) -> Callable[[float], float]:
    """What measures the rate of a call."""

    def several() -> int:
        for _ in range(20):
            once()
        return 20

    several()       # connected, and warm
    return partial(rate_of, several, 1)


def bench_request_reply(seconds: float) -> list[tuple[str, list[float]]]:
    """One call after the other, each waiting for its answer."""
    body = bytes(SIZE)
    with contextlib.ExitStack() as stack:

        def start(target: Callable[..., None], *arguments: Any) -> Any:
            return stack.enter_context(beside(target, *arguments))

        context = stack.enter_context(zmq.Context())
        req = stack.enter_context(context.socket(zmq.REQ))
        req.connect(start(raw_replies))

        def ask() -> None:
            req.send(body)
            req.recv()

        contenders = [("REQ-REP, raw", calls(ask))]
        for threads in (0, 4):
            client = stack.enter_context(Client(start(replies, threads)))
            contenders.append((f"request_reply, threads={threads}", calls(partial(client.call, "echo", body))))
        peer = stack.enter_context(Peer(start(routed)))
        contenders.append(("router, ask", calls(partial(peer.ask, body))))
        return taking_turns(contenders, seconds)


def raw_messages(tell: Any, endpoint: str) -> None:
    with zmq.Context() as context:
        push = context.socket(zmq.PUSH)
        push.connect(endpoint)
        messages = [bytes(SIZE)] * 1000
        tell.send("ready")
        while True:
            push.send_many(messages)


def tasks(tell: Any, items: int) -> None:
    with Ventilator(LOCAL, chunk=1000) as ventilator:
        tell.send(ventilator.endpoint)
        ventilator.distribute([bytes(SIZE)] * items)


def worker(tell: Any, ventilator: str, sink: str) -> None:
    tell.send("ready")
    Worker(ventilator, sink, lambda task: task, credit=8).run()


def take_pushed(seconds: float) -> float:
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        pull.bind(LOCAL)
        with beside(raw_messages, pull.last_endpoint.decode()):
            pull.recv_many()
            return settled_rate(lambda: len(pull.recv_many()), 1, seconds)


def take_results(seconds: float) -> float:
    with beside(tasks, ITEMS) as endpoint, Sink(LOCAL, endpoint) as sink, beside(worker, endpoint, sink.endpoint):
        next(sink)
        start = time.perf_counter()
        count = sum(1 for _ in sink)
        return count / (time.perf_counter() - start)


def bench_pipeline(seconds: float) -> list[tuple[str, list[float]]]:
    """Tasks go ventilator, worker, sink, in three processes; raw messages go from one process to another."""
    return taking_turns([("PUSH-PULL by recv_many, raw", take_pushed), ("pipeline", take_results)], seconds)


def raw_published(tell: Any, together: bool) -> None:
    with zmq.Context() as context:
        xpub = context.socket(zmq.XPUB)
        xpub.xpub_nodrop = 1
        xpub.bind(LOCAL)
        tell.send(xpub.last_endpoint.decode())
        xpub.recv()
        messages = [bytes(SIZE)] * 1000
        while True:
            if together:
                xpub.send_many(messages)
            else:
                for body in messages:
                    xpub.send_multipart([TOPIC, body])


def published(tell: Any, how: str) -> None:
    with Publisher(LOCAL, slow="block", gather=0.001 if how == "gather" else 0.0) as publisher:
        tell.send(publisher.endpoint)
        publisher.wait_for_subscribers()
        bodies = [bytes(SIZE)] * 1000
        while True:
            if how == "publish_many":
                publisher.publish_many("topic", bodies)
            else:
                for body in bodies:
                    publisher.publish("topic", body)


def take_raw(together: bool, seconds: float) -> float:
    with beside(raw_published, together) as endpoint, zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.subscribe("")
        sub.connect(endpoint)
        sub.recv_many(multipart=True)

        def take() -> int:
            if together:
                return len(sub.recv_many())
            for _ in range(1000):
                sub.recv_multipart()
            return 1000

        return settled_rate(take, 1, seconds)


def take_published(how: str, seconds: float) -> float:
    with beside(published, how) as endpoint, Subscriber(endpoint) as subscriber:
        subscriber.recv()

        def take() -> int:
            if how != "publish":
                return len(subscriber.recv_many())
            for _ in range(1000):
                subscriber.recv()
            return 1000

        rate = settled_rate(take, 1, seconds)
        assert subscriber.statistics["lost"] == 0
    return rate


def bench_publish_subscribe(seconds: float) -> list[tuple[str, list[float]]]:
    """One process publishes, another one takes it by recv_many(); several bodies in a message where it may be."""
    contenders: list[Contender] = [("PUB-SUB by recv_many, raw", partial(take_raw, True))]
    for how in ("publish_many", "gather"):
        contenders.append((f"publish_subscribe, {how}", partial(take_published, how)))
    return taking_turns(contenders, seconds)


def bench_one_by_one(seconds: float) -> list[tuple[str, list[float]]]:
    """A call for each message on both sides, behind a topic."""
    return taking_turns([("PUB-SUB by recv_multipart, raw", partial(take_raw, False)),
                         ("publish_subscribe, publish, recv", partial(take_published, "publish"))], seconds)


BENCHES: dict[str, tuple[Callable[[float], list[tuple[str, list[float]]]], str]] = {
    "request-reply": (bench_request_reply, "calls/s"),
    "publish-subscribe": (bench_publish_subscribe, "bodies/s"),
    "one-by-one": (bench_one_by_one, "bodies/s"),
    "pipeline": (bench_pipeline, "tasks/s"),
}


def show(rows: list[tuple[str, list[float]]], unit: str) -> None:
    raw = rows[0][1]
    for name, rates in rows:
        part = statistics.median(rate / raw_rate for rate, raw_rate in zip(rates, raw, strict=True))
        print(f"{name:32} {statistics.median(rates):14,.0f} {unit}   {part:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each row")
    parser.add_argument("--only", choices=BENCHES, help="one of them")
    arguments = parser.parse_args()
    for name, (bench, unit) in BENCHES.items():
        if arguments.only in (None, name):
            show(bench(arguments.seconds), unit)


if __name__ == "__main__":
    main()
