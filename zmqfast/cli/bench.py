"""`zmqfast bench`: measures this build beside pyzmq, libzmq in C and others, and says which targets it reaches."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from zmqfast.cli.benchmark import latency, rounds, tables
from zmqfast.cli.benchmark.cases import LIBRARIES, Case, cases
from zmqfast.cli.benchmark.curves import CURVES, Curve
from zmqfast.cli.benchmark.result import Result

PLAIN_WIDTH = 150       # columns of a table where the output is no terminal
PARTS = ("cases", "latency", "curves")

LEGEND = """\
Ratios are medians over interleaved rounds, a fresh process for each measurement: how many times better zmqfast is; where
"at most" is said, how many times its cost is. In brackets: a target that is not reached."""


@click.command(epilog="Example: zmqfast bench --quick --against pyzmq --json result.json")
@click.option("--quick", is_flag=True, help="Short measurements: two minutes at most.")
@click.option("--against", default="pyzmq,c", metavar="NAMES", show_default=True,
              help=f"Libraries to compare with: {', '.join(LIBRARIES[1:])}; or all.")
@click.option("--only", "parts", type=click.Choice(PARTS), multiple=True, help="Only this part; may be repeated.")
@click.option("--case", "texts", multiple=True, metavar="TEXT",
              help="Only cases with TEXT in their name, and no other part; may be repeated.")
@click.option("--rounds", "wanted_rounds", type=click.IntRange(1),
              help=f"Of the cases; by default {rounds.FULL.cases.rounds}; with --quick {rounds.QUICK.cases.rounds}.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Save the result here.")
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Draw charts into this page, and beside it as PNG.")
def bench(quick: bool, against: str, parts: tuple[str, ...], texts: tuple[str, ...], wanted_rounds: int | None,
          json_file: Path | None, html_file: Path | None) -> None:
    """Measure this build beside other libraries; a target that is not reached is said, and no failure."""
    if os.name == "nt":
        raise click.ClickException("the benchmark needs Linux or macOS: it waits for its processes with select()")
    libraries = ("zmqfast", *asked_for(against))
    chosen = [case for case in cases() if not texts or any(text in case.name for text in texts)]
    if not chosen:
        raise click.UsageError(f"--case: no case has {' or '.join(texts)} in its name")
    parts = parts or (("cases",) if texts else PARTS)
    check_files(json_file, html_file)
    console = new_console()
    wanted = rounds.Wanted(libraries, chosen if "cases" in parts else (),
                           tuple(latency.TRANSPORTS) if "latency" in parts else (), CURVES if "curves" in parts else ())
    result = measure(wanted, rounds.plan(quick, wanted_rounds), console)
    show(result, chosen, CURVES, console)
    if json_file:
        result.save(json_file)
        console.print(f"saved: {json_file}")
    if html_file:
        from zmqfast.cli.benchmark import page
        console.print(f"drawn: {', '.join(map(str, page.write(result, chosen, html_file)))}")


def asked_for(against: str) -> tuple[str, ...]:
    """The libraries that --against names, in the order of the report."""
    names = {name.strip() for name in against.split(",") if name.strip()}
    if names == {"all"}:
        return LIBRARIES[1:]
    unknown = sorted(names - set(LIBRARIES[1:]))
    if unknown:
        raise click.UsageError(f"--against: no library {', '.join(unknown)}; there are {', '.join(LIBRARIES[1:])}, and all")
    return tuple(name for name in LIBRARIES if name in names)


def check_files(json_file: Path | None, html_file: Path | None) -> None:
    """Whether the results can be written: not after minutes of measuring."""
    for option, file in (("--json", json_file), ("--html", html_file)):
        if file and not file.resolve().parent.is_dir():
            raise click.UsageError(f"{option} {file}: no folder {file.resolve().parent}")
    missing = [name for name in ("matplotlib", "jinja2") if html_file and not importlib.util.find_spec(name)]
    if missing:
        raise click.UsageError(f"--html needs {' and '.join(missing)}: pip install 'zmqfast[bench]'")


def new_console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def measure(wanted: rounds.Wanted, plan: rounds.Plan, console: Console) -> Result:
    """Run, with a progress bar where there is a terminal."""
    if "c" in wanted.libraries:
        console.print("looking for libzmq's source; a stock libzmq is built once, in some minutes")
    columns = (TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(),
               TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        return rounds.run(wanted, plan, lambda total: bar.update(task, total=total),
                          lambda text: bar.update(task, advance=1, description=escape(text)))


def measure_and_show(wanted: rounds.Wanted, number: int, seconds: float) -> None:
    """What the programs of bench/ do: so many rounds of measurements of so many seconds, and their tables."""
    section = rounds.Section(number, seconds, float("inf"))
    console = new_console()
    result = measure(wanted, rounds.Plan(section, section, section, quick=False), console)
    show(result, wanted.cases, wanted.curves, console)


def show(result: Result, chosen: Sequence[Case], curves: Sequence[Curve], console: Console) -> None:
    """Print what was measured, and under what conditions."""
    if result.values:
        console.print(ratio_table(result, chosen))
        console.print(LEGEND)
    if any(result.latency.values()):
        console.print(plain_table(tables.LATENCY_HEAD, [[title, *cells] for title, cells in tables.latency_rows(result)]))
    for curve in curves:
        if result.curves.get(curve.name):
            head, found = tables.curve_table(result, curve)
            console.print(plain_table(head, found, f"{curve.title}: {curve.y}, memory of both sides"))
    for line in tables.conditions(result):
        console.print(escape(line), style="red" if line.startswith("failed") else None)
    if result.values:
        reached, missed = tables.verdict_counts(result, chosen)
        console.print(f"{reached} targets reached, {missed} not reached", style="bold")


def ratio_table(result: Result, chosen: Sequence[Case]) -> Table:
    others = result.others()
    table = Table(header_style="bold")
    table.add_column("case", overflow="fold", min_width=40)
    for name in ("zmqfast", *(f"÷ {tables.heading_of(name)}" for name in others)):
        table.add_column(name, justify="right")
    group = ""
    for row in tables.rows(result, chosen, others):
        if row.case.group != group:
            group = row.case.group
            table.add_section()
            table.add_row(escape(group), style="bold")
        table.add_row(escape(row.case.title) + (" (at most)" if row.case.at_most else ""), *map(in_colour, row.cells))
    return table


def in_colour(cell: tables.Cell) -> str:
    text = f"{cell.text} ({cell.target})" if cell.reached is False else cell.text
    return f"[red]{escape(text)}[/red]" if cell.reached is False else escape(text)


def plain_table(head: Sequence[str], found: Sequence[Sequence[str]], title: str | None = None) -> Table:
    table = Table(header_style="bold", title=title, title_justify="left")
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place else "left")
    for row in found:
        table.add_row(*map(escape, row))
    return table
