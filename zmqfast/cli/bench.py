"""`zmqfast bench`: measures this build beside pyzmq, libzmq in C and others, and says which targets it reaches."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from zmqfast.cli import bench_run
from zmqfast.cli.bench_cases import LIBRARIES, Case, cases

PLAIN_WIDTH = 150       # columns of the table where the output is no terminal
ROUNDS, QUICK_ROUNDS = 5, 3
SECONDS, QUICK_SECONDS = 0.4, 0.1       # of each measurement
BUDGET_S, QUICK_BUDGET_S = 780, 110     # of all of them: 13 minutes, and less than two

LEGEND = """\
Ratios are medians over interleaved rounds, a fresh process for each measurement: how many times better zmqfast is; where
"at most" is said, how many times its cost is. Beside each ratio: its target, and whether it is reached."""


@click.command()
@click.option("--quick", is_flag=True, help="Short measurements: two minutes at most.")
@click.option("--against", default="pyzmq,c", metavar="NAMES", show_default=True,
              help=f"Libraries to compare with: {', '.join(LIBRARIES[1:])}.")
@click.option("--case", "parts", multiple=True, metavar="TEXT", help="Only cases with TEXT in their name; may be repeated.")
@click.option("--rounds", type=click.IntRange(1), help=f"By default {ROUNDS}; with --quick {QUICK_ROUNDS}.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Save the result here.")
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Draw charts into this page, and beside it as PNG; needs matplotlib.")
def bench(quick: bool, against: str, parts: tuple[str, ...], rounds: int | None, json_file: Path | None,
          html_file: Path | None) -> None:
    """Measure this build beside other libraries; a target that is not reached is said, and no failure."""
    libraries = ("zmqfast", *(name.strip() for name in against.split(",") if name.strip()))
    unknown = [name for name in libraries if name not in LIBRARIES]
    if unknown:
        raise click.UsageError(f"no library {', '.join(unknown)}; there are {', '.join(LIBRARIES[1:])}")
    chosen = [case for case in cases() if not parts or any(part in case.name for part in parts)]
    if not chosen:
        raise click.UsageError("no case has this name")
    if html_file:
        try:
            import matplotlib  # noqa: F401  not after minutes of measuring
        except ModuleNotFoundError:
            raise click.UsageError("--html needs matplotlib: pip install matplotlib") from None
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print("looking for libraries; a stock libzmq is built once, in some minutes" if "c" in libraries else "measuring")
    result = measure(chosen, libraries, rounds or (QUICK_ROUNDS if quick else ROUNDS), quick, console)
    show(result, chosen, console)
    if json_file:
        json_file.write_text(json.dumps(result, indent=1) + "\n")
    if html_file:
        from zmqfast.cli.bench_charts import write_page
        write_page(result, chosen, html_file)


def measure(chosen: list[Case], libraries: tuple[str, ...], rounds: int, quick: bool, console: Console) -> dict[str, Any]:
    narrowed = [library for case in chosen for library in case.libraries if library in libraries]
    with Progress(TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.percentage:>3.0f}%"),
                  TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=len(narrowed) * rounds)
        return bench_run.run(chosen, libraries, rounds, QUICK_SECONDS if quick else SECONDS,
                             QUICK_BUDGET_S if quick else BUDGET_S,
                             lambda text: bar.update(task, advance=1, description=escape(text)))


def show(result: dict[str, Any], chosen: list[Case], console: Console) -> None:
    others = [name for name in result["versions"] if name != "zmqfast"]
    table = Table(header_style="bold")
    table.add_column("case", overflow="fold")
    for name in ("zmqfast", *(f"÷ {name}" for name in others)):
        table.add_column(name, justify="right")
    reached: list[bool] = []
    for case in chosen:
        values = result["values"][case.name]
        told = {library: (ratio, target, ok) for library, ratio, target, ok in bench_run.verdicts(case, values)}
        reached += [ok for _, _, ok in told.values() if ok is not None]
        own = f"{statistics.median(values['zmqfast']):,.4g} {case.unit}" if values.get("zmqfast") else "failed"
        if "zmqfast" in told:
            own += verdict(*told["zmqfast"][1:], case.at_most)
        table.add_row(escape(case.title), own, *(cell(case, values, name, told) for name in others))
    console.print(table)
    console.print(LEGEND)
    for name, reason in result["missing"].items():
        console.print(escape(f"skipped: {name}: {reason}"))
    for case_name, failures in result["failures"].items():
        for name, reason in failures.items():
            console.print(escape(f"failed: {case_name}, {name}: {reason}"), style="red")
    machine = result["machine"]
    console.print(escape(", ".join(f"{name} {version}" for name, version in result["versions"].items())))
    console.print(escape(f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, libzmq "
                         f"{machine['libzmq']}, {machine['system']}, load at the end {machine['load']:.2f}"))
    if result["rounds"] < result["wanted_rounds"]:
        console.print(f"the time was up after {result['rounds']} whole rounds of {result['wanted_rounds']}", style="red")
    console.print(f"{reached.count(True)} targets reached, {reached.count(False)} not reached", style="bold")


def cell(case: Case, values: dict[str, list[float]], name: str, told: dict[str, tuple[float, float, bool | None]]) -> str:
    ratio = bench_run.ratio(case, values, name)
    if ratio is None:
        return ""
    return f"{ratio:.2f}" + (verdict(*told[name][1:], case.at_most) if name in told else "")


def verdict(target: float, ok: bool | None, at_most: bool) -> str:
    bound = "at most" if at_most else ">="
    return f" ({bound} {target:g}: {'reached' if ok else 'not reached'})"
