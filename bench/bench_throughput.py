"""Messages per second between two processes or threads, by library, transport and size, and the memory they take.

python bench/bench_throughput.py --transport ipc --size 16 --size 65536 --against pyzmq,c,pyomq
"""

from __future__ import annotations

import click

from zmqfast.cli.bench import asked_for, measure_and_show
from zmqfast.cli.benchmark import rounds
from zmqfast.cli.benchmark.curves import BATCHED, Curve

LACKING = {"tcp": ("pipe", "queue"), "ipc": ("zenoh",), "inproc": ("zenoh", "pipe", "queue")}     # by transport


@click.command(help=__doc__)
@click.option("--transport", "transports", type=click.Choice(list(LACKING)), multiple=True, default=list(LACKING))
@click.option("--size", "sizes", type=click.IntRange(1), multiple=True, default=[16, 256, 4096, 65536, 1 << 20],
              help="Bytes of a frame; may be repeated.")
@click.option("--connections", type=click.IntRange(1), default=1, help="Senders into the one receiver, except over inproc.")
@click.option("--against", default="all", show_default=True)
@click.option("--rounds", "number", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seconds", type=float, default=0.4, show_default=True, help="Of each measurement.")
def main(transports: tuple[str, ...], sizes: tuple[int, ...], connections: int, against: str, number: int,
         seconds: float) -> None:
    libraries = ("zmqfast", *asked_for(against))
    curves = [Curve(f"throughput-{transport}", f"PUSH-PULL, {transport}", "threads" if transport == "inproc" else "stream",
                    "size", tuple(sorted(sizes)), tuple(able(libraries, transport)), transport, x="bytes",
                    connections=1 if transport == "inproc" else connections)
              for transport in transports]
    measure_and_show(rounds.Wanted(libraries, (), (), curves), number, seconds)


def able(libraries: tuple[str, ...], transport: str) -> list[str]:
    """Those that have this transport, with a column for zmqfast's batches."""
    return ["zmqfast", BATCHED, *(name for name in libraries[1:] if name not in LACKING[transport])]


if __name__ == "__main__":
    main()
