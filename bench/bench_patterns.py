"""What each pattern costs over raw sockets, between two processes over tcp: python bench/bench_patterns.py

Each row is a number of a second; the last column is its part of the raw one above it.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import zmqfast as zmq
from zmqfast.cli.benchmark.peer.clock import rate_of
from zmqfast.patterns.pipeline import Sink, Ventilator, Worker
from zmqfast.patterns.publish_subscribe import Publisher, Subscriber
from zmqfast.patterns.request_reply import Client, Server
from zmqfast.patterns.router import Peer, Router

LOCAL = "tcp://127.0.0.1:*"
SIZE = 16       # bytes of a body
TOPIC = b"topic"
ROUNDS = 5      # of which the median counts


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


def rates(contenders: list[tuple[str, Callable[[], object]]], seconds: float) -> list[tuple[str, float]]:
    """Calls of a second, of each: the median of some rounds, in which they take turns."""
    found: dict[str, list[float]] = {name: [] for name, _ in contenders}
    for number in range(-1, ROUNDS):        # the first one warms up
        for name, once in contenders:

            def several(once: Callable[[], object] = once) -> int:
                for _ in range(20):
                    once()
                return 20

            measured = rate_of(several, 1, seconds / ROUNDS)
            if number >= 0:
                found[name].append(measured)
    return [(name, statistics.median(values)) for name, values in found.items()]


def median_rate(step: Callable[[], int], seconds: float) -> float:
    """What `step()` counts, a second: the median of some rounds."""
    rate_of(step, 1, seconds / ROUNDS)
    return statistics.median(rate_of(step, 1, seconds / ROUNDS) for _ in range(ROUNDS))


def beside(target: Callable[..., None], *arguments: Any) -> tuple[Any, Any]:
    """A process with the other side, and what it tells."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(far, *arguments), daemon=True)
    process.start()
    return process, near.recv()


def bench_request_reply(seconds: float) -> list[tuple[str, float]]:
    """One call after the other, each waiting for its answer."""
    body = bytes(SIZE)
    with contextlib.ExitStack() as stack:

        def start(target: Callable[..., None], *arguments: Any) -> Any:
            process, endpoint = beside(target, *arguments)
            stack.callback(process.kill)
            return endpoint

        context = stack.enter_context(zmq.Context())
        req = stack.enter_context(context.socket(zmq.REQ))
        req.connect(start(raw_replies))

        def ask() -> None:
            req.send(body)
            req.recv()

        contenders: list[tuple[str, Callable[[], object]]] = [("REQ-REP, raw", ask)]
        for threads in (0, 4):
            client = stack.enter_context(Client(start(replies, threads)))
            contenders.append((f"request_reply, threads={threads}", partial(client.call, "echo", body)))
        peer = stack.enter_context(Peer(start(routed)))
        contenders.append(("router, ask", lambda: peer.ask(body)))
        return rates(contenders, seconds)


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


def bench_pipeline(seconds: float) -> list[tuple[str, float]]:
    """Tasks go ventilator, worker, sink, in three processes; raw messages go from one process to another."""
    rows = []
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        pull.bind(LOCAL)
        process, _ = beside(raw_messages, pull.last_endpoint.decode())
        rows.append(("PUSH-PULL by recv_many, raw", median_rate(lambda: len(pull.recv_many()), seconds)))
        process.kill()
    items = 1_000_000
    process, endpoint = beside(tasks, items)
    with Sink(LOCAL, endpoint) as sink:
        other, _ = beside(worker, endpoint, sink.endpoint)
        next(sink)
        start = time.perf_counter()
        count = sum(1 for _ in sink)
        rows.append(("pipeline", count / (time.perf_counter() - start)))
        other.kill()
    process.join()
    return rows


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


def take_raw(endpoint: str, together: bool, seconds: float) -> float:
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.subscribe("")
        sub.connect(endpoint)
        sub.recv_many(multipart=True)

        def take() -> int:
            if together:
                return len(sub.recv_many())
            for _ in range(1000):
                sub.recv_multipart()
            return 1000

        return median_rate(take, seconds)


def take(endpoint: str, one_by_one: bool, seconds: float) -> float:
    with Subscriber(endpoint) as subscriber:
        subscriber.recv()
        def take() -> int:
            if one_by_one:
                for _ in range(1000):
                    subscriber.recv()
                return 1000
            return len(subscriber.recv_many())

        rate = median_rate(take, seconds)
        assert subscriber.statistics["lost"] == 0
    return rate


def bench_publish_subscribe(seconds: float) -> list[tuple[str, float]]:
    """One process publishes, another one takes it by recv_many(); several bodies in a message where it may be."""
    rows = []
    process, endpoint = beside(raw_published, True)
    rows.append(("PUB-SUB by recv_many, raw", take_raw(endpoint, True, seconds)))
    process.kill()
    for how in ("publish_many", "gather"):
        process, endpoint = beside(published, how)
        rows.append((f"publish_subscribe, {how}", take(endpoint, False, seconds)))
        process.kill()
    return rows


def bench_one_by_one(seconds: float) -> list[tuple[str, float]]:
    """A call for each message on both sides, behind a topic."""
    rows = []
    process, endpoint = beside(raw_published, False)
    rows.append(("PUB-SUB by recv_multipart, raw", take_raw(endpoint, False, seconds)))
    process.kill()
    process, endpoint = beside(published, "publish")
    rows.append(("publish_subscribe, publish, recv", take(endpoint, True, seconds)))
    process.kill()
    return rows


BENCHES: dict[str, tuple[Callable[[float], list[tuple[str, float]]], str]] = {
    "request-reply": (bench_request_reply, "calls/s"),
    "publish-subscribe": (bench_publish_subscribe, "bodies/s"),
    "one-by-one": (bench_one_by_one, "bodies/s"),
    "pipeline": (bench_pipeline, "tasks/s"),
}


def show(rows: list[tuple[str, float]], unit: str) -> None:
    raw = rows[0][1]
    for name, value in rows:
        print(f"{name:32} {value:14,.0f} {unit}   {value / raw:.2f}")


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
