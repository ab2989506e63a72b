"""What asyncio sockets do in a second, beside pyzmq's and pyomq's: the rows of `zmqfast bench --case asyncio`, or on uvloop.

python bench/bench_asyncio.py --loop uvloop ready waiting
"""

from __future__ import annotations

import click

from zmqfast.cli.bench import asked_for, measure_and_show
from zmqfast.cli.benchmark import rounds
from zmqfast.cli.benchmark.cases import loops

KINDS = [case.name.partition("-")[2] for case in loops()]


@click.command(help=__doc__)
@click.argument("kinds", type=click.Choice(KINDS), nargs=-1)
@click.option("--loop", type=click.Choice(["asyncio", "uvloop"]), default="asyncio", show_default=True)
@click.option("--against", default="pyzmq,pyomq", show_default=True)
@click.option("--rounds", "number", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seconds", type=float, default=0.4, show_default=True, help="Of each measurement.")
def main(kinds: tuple[str, ...], loop: str, against: str, number: int, seconds: float) -> None:
    chosen = [case for case in loops(loop) if not kinds or case.name.partition("-")[2] in kinds]
    measure_and_show(rounds.Wanted(("zmqfast", *asked_for(against)), chosen, (), ()), number, seconds)


if __name__ == "__main__":
    main()
