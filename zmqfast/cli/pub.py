"""`zmqfast pub` and `zmqfast sub`: publish lines under a topic; print what is published, or its rates."""

from __future__ import annotations

import time
from collections import Counter

import click

import zmqfast as zmq
from zmqfast.cli.push import count_option
from zmqfast.cli.sockets import bind_option, bodies, endpoint_argument, json_option, opened, tell

RATES_EVERY_S = 1.0


@click.command(epilog="Example: ping localhost | zmqfast pub --bind tcp://127.0.0.1:5556 --topic ping")
@endpoint_argument
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@bind_option
@json_option
@click.option("--topic", default="", help="A frame before each body.")
@click.option("--whole", is_flag=True, help="Publish each file as one message, instead of its lines.")
@click.option("--subscribers", type=click.IntRange(0), default=1, show_default=True,
              help="Wait for so many subscriptions before the first message.")
def pub(endpoint: str, files: tuple[str, ...], bind: bool, as_json: bool, topic: str, whole: bool,
        subscribers: int) -> None:
    """Publish the lines of FILES, or of the input, at ENDPOINT."""
    with opened(zmq.XPUB, endpoint, bind) as socket:
        socket.xpub_verboser = 1        # every subscriber's subscription, also where another has the same
        while subscribers > 0:
            subscribers -= 1 if socket.recv()[:1] == b"\1" else 0
        for body in bodies(files, whole, as_json):
            socket.send_multipart([topic.encode(), body])


@click.command(epilog="Example: zmqfast sub tcp://127.0.0.1:5556 weather. --rates")
@endpoint_argument
@click.argument("topics", nargs=-1)
@bind_option
@json_option
@count_option
@click.option("--rates", is_flag=True, help="Each second a line for each topic, instead of the messages.")
def sub(endpoint: str, topics: tuple[str, ...], bind: bool, as_json: bool, count: int | None, rates: bool) -> None:
    """Print what is published at ENDPOINT under TOPICS, which are prefixes; all without any.

    A line is a message, its frames with tabs between them. With --rates a line is a topic, its messages a second,
    and its bytes a second.
    """
    with opened(zmq.SUB, endpoint, bind) as socket:
        for topic in topics or [""]:
            socket.subscribe(topic)
        if rates:
            show_rates(socket)
        while count is None or count > 0:
            tell(socket.recv_multipart(), as_json)
            if count is not None:
                count -= 1


def show_rates(socket: zmq.Socket[bytes]) -> None:
    messages: Counter[bytes] = Counter()
    sizes: Counter[bytes] = Counter()
    start = time.monotonic()
    while True:
        left_s = start + RATES_EVERY_S - time.monotonic()
        if left_s > 0:
            if socket.poll(left_s * 1000):
                for topic, *body in socket.recv_many(multipart=True):
                    messages[topic] += 1
                    sizes[topic] += sum(map(len, body))
            continue
        spent = time.monotonic() - start
        for topic, number in sorted(messages.items()):
            name = topic.decode(errors="replace") or "(no topic)"
            click.echo(f"{name}\t{number / spent:.1f} msg/s\t{sizes[topic] / spent:.0f} B/s")
        messages.clear()
        sizes.clear()
        start = time.monotonic()
