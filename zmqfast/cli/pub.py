"""`zmqfast pub` and `zmqfast sub`: publish lines under a topic; print what is published, or its rates."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
from rich.markup import escape
from rich.table import Table

import zmqfast as zmq
from zmqfast.cli.live import amount, live_table, rows_at_most
from zmqfast.cli.push import count_option
from zmqfast.cli.sockets import bind_option, bodies, endpoint_argument, json_option, opened, tell

RATES_EVERY_S = 1.0
TOPICS_AT_MOST = 10_000     # of which the rates are kept although nothing comes of them


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
@click.option("--rates", is_flag=True,
              help="Each second the topics' rates, instead of the messages: a table on a terminal, else lines.")
def sub(endpoint: str, topics: tuple[str, ...], bind: bool, as_json: bool, count: int | None, rates: bool) -> None:
    """Print what is published at ENDPOINT under TOPICS, which are prefixes; all without any.

    A line is a message, its frames with tabs between them. With --rates there is a table that renews itself each
    second; into a pipe a line for each topic, its messages a second and its bytes a second.
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


class Rates:
    """What came of each topic: since the last look, and in all."""

    def __init__(self) -> None:
        self.topics: dict[bytes, list[int]] = {}        # messages and bytes since the last look, and in all
        self.since = time.monotonic()

    def add(self, topic: bytes, size: int) -> None:
        counts = self.topics.get(topic)
        if counts is None:
            counts = self.topics[topic] = [0, 0, 0, 0]
        for place, number in enumerate((1, size, 1, size)):
            counts[place] += number

    def look(self) -> list[tuple[str, float, float, int, int]]:
        """Of each topic, by name: its name, messages and bytes a second, messages and bytes in all."""
        now = time.monotonic()
        spent = now - self.since
        self.since = now
        rows = []
        for topic, counts in sorted(self.topics.items()):
            messages, size, all_messages, all_size = counts
            counts[:2] = 0, 0
            rows.append((topic.decode(errors="replace") or "(no topic)", messages / spent, size / spent,
                         all_messages, all_size))
        if len(self.topics) > TOPICS_AT_MOST:           # those without news start again when they come again
            self.topics = {topic: counts for (topic, counts), row in zip(sorted(self.topics.items()), rows) if row[1]}
        return rows


def show_rates(socket: zmq.Socket[bytes]) -> None:
    """Each second, until Ctrl-C: a table on a terminal, else a line for each topic that had messages."""
    rates = Rates()
    with live_table() as show:
        while True:
            left_s = rates.since + RATES_EVERY_S - time.monotonic()
            if left_s > 0:
                if socket.poll(left_s * 1000):
                    for topic, *body in socket.recv_many(multipart=True):
                        rates.add(topic, sum(map(len, body)))
                continue
            rows = rates.look()
            if show is not None:
                show(rates_table(rows))
                continue
            for name, rate, size, _, _ in rows:
                if rate:
                    click.echo(f"{name}\t{rate:.1f} msg/s\t{size:.0f} B/s")


def rates_table(rows: Sequence[tuple[str, float, float, int, int]]) -> Table:
    """The busiest topics, as many as there is room for."""
    room = rows_at_most()
    busiest = sorted(rows, key=lambda row: -row[1])[:room]
    more = f"{len(rows) - room} more topics; " if len(rows) > room else ""
    table = Table(title=f"{len(rows)} topics", caption=f"{more}Ctrl-C ends it")
    table.add_column("topic", overflow="ellipsis", no_wrap=True)
    for column in ("msg/s", "B/s", "messages", "bytes"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, rate, size, all_messages, all_size in sorted(busiest):
        table.add_row(escape(name), f"{rate:,.1f}", amount(size), f"{all_messages:,}", amount(all_size))
    return table
