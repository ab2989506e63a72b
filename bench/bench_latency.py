"""How long a round trip takes between two processes: p50, p99, p99.9 and the longest, by library and transport.

python bench/bench_latency.py --transport tcp --size 1024 --against pyzmq,c
"""

from __future__ import annotations

import click

from zmqfast.cli.bench import asked_for, measure_and_show
from zmqfast.cli.benchmark import latency, rounds


@click.command(help=__doc__)
@click.option("--transport", "transports", type=click.Choice(list(latency.TRANSPORTS)), multiple=True,
              default=list(latency.TRANSPORTS))
@click.option("--size", type=click.IntRange(1), default=16, show_default=True, help="Bytes of a request and of its reply.")
@click.option("--against", default="all", show_default=True)
@click.option("--rounds", "number", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seconds", type=float, default=1.0, show_default=True, help="Of each measurement.")
def main(transports: tuple[str, ...], size: int, against: str, number: int, seconds: float) -> None:
    libraries = ("zmqfast", *asked_for(against))
    measure_and_show(rounds.Wanted(libraries, (), transports, (), latency_size=size), number, seconds)


if __name__ == "__main__":
    main()
