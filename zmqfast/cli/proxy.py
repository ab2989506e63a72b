"""`zmqfast proxy`: stand between two sides, and tell how much goes through."""

from __future__ import annotations

import struct
import threading
from contextlib import nullcontext

import click
from rich.table import Table

import zmqfast as zmq
from zmqfast.cli.live import amount, live_table
from zmqfast.cli.sockets import LINGER_MS, opened

KINDS = {"pubsub": (zmq.XSUB, zmq.XPUB), "pipeline": (zmq.PULL, zmq.PUSH), "reqrep": (zmq.ROUTER, zmq.DEALER)}
CONTROL = "inproc://zmqfast.proxy.control"
ANSWER_S = 5.0
EVERY_S = 1.0


@click.command(epilog="Example: zmqfast proxy tcp://127.0.0.1:5555 tcp://127.0.0.1:5556 --kind pubsub --statistics")
@click.argument("frontend")
@click.argument("backend")
@click.option("--kind", type=click.Choice(list(KINDS)), default="pubsub", show_default=True,
              help="What goes through, which says of which types the two sockets are.")
@click.option("--statistics", is_flag=True,
              help="What goes through, each second: a table on a terminal, else a line when something has changed. "
                   "libzmq counts frames; 4.3.4 messages.")
def proxy(frontend: str, backend: str, kind: str, statistics: bool) -> None:
    """Carry messages between FRONTEND, to which publishers, pushers or clients connect, and BACKEND. Binds both."""
    types = KINDS[kind]
    with opened(types[0], frontend, True) as front:
        with zmq.Socket(front.context, types[1]) as back, zmq.Socket(front.context, zmq.PAIR) as control, \
                zmq.Socket(front.context, zmq.PAIR) as steering:
            back.linger = LINGER_MS
            steering.linger = 0
            back.bind(backend)
            click.echo(f"bound to {back.last_endpoint.decode()}", err=True)
            control.bind(CONTROL)
            steering.connect(CONTROL)
            carrying = threading.Thread(target=zmq.proxy_steerable, args=(front, back, None, control))
            carrying.start()
            try:
                watch(steering, statistics)
            finally:
                steering.send(b"TERMINATE")
                carrying.join()


def watch(steering: zmq.Socket[bytes], statistics: bool) -> None:
    """Tell each second what went through, until Ctrl-C: in a table on a terminal, else in a line when it has changed."""
    waiting = threading.Event()
    before: list[int] = [0] * 8
    with live_table() if statistics else nullcontext() as show:
        while not waiting.wait(EVERY_S if statistics else None):
            steering.send(b"STATISTICS")
            now = [struct.unpack("=Q", frame)[0] for frame in steering.recv_multipart(timeout=ANSWER_S)]
            if show is not None:
                show(statistics_table(now, before))
            elif now != before:
                forth, forth_size, back, back_size = now[0], now[1], now[4], now[5]     # what each socket received
                click.echo(f"{forth} frames\t{forth_size} B\t{forth - before[0]} frames/s\t"
                           f"back {back} frames\t{back_size} B\t{back - before[4]} frames/s")
            before = now


def statistics_table(now: list[int], before: list[int]) -> Table:
    """What came in at each side: the frontend's is what went forth, the backend's what went back."""
    table = Table(caption="Ctrl-C ends it")
    for column in ("", "frames/s", "B/s", "frames", "bytes"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, place in (("frontend to backend", 0), ("backend to frontend", 4)):
        frames, size = now[place], now[place + 1]
        table.add_row(name, f"{(frames - before[place]) / EVERY_S:,.0f}", amount((size - before[place + 1]) / EVERY_S),
                      f"{frames:,}", amount(size))
    return table
