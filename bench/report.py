"""Make what the README and docs/benchmarks.md show of a saved result: tables, and pictures in docs/pictures/.

python bench/report.py              from the newest result in bench/results/
python bench/report.py FILE         keeps this result there first
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from zmqfast.cli.benchmark import charts, result, tables
from zmqfast.cli.benchmark.cases import Case, cases
from zmqfast.cli.benchmark.curves import CURVES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
README, PAGE, PICTURES = ROOT / "README.md", ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "pictures"

# What the README shows beside every row that misses a target; all rows are on the page.
HEADLINES = ("call-16", "multipart", "try-recv", "poll-active", "inproc-256", "inproc-many-16", "tcp-16", "tcp-256", "tcp-4096",
             "tcp-1048576", "tcp-batch-16", "round-trip-tcp", "asyncio-ready", "asyncio-stream", "import", "connection")
IN_README = ("pyzmq", "c", "pyomq")


def begin(name: str, by: str) -> str:
    return f"<!-- {name}: made by {by} -->\n"


def end(name: str) -> str:
    return f"<!-- end of {name} -->\n"


def replaced(text: str, name: str, made: str, by: str = "bench/report.py") -> str:
    """The text with another part between the marks of this name.

    Raises:
        ValueError: the marks are not there.
    """
    pattern = re.compile(re.escape(begin(name, by)) + ".*?" + re.escape(end(name)), re.DOTALL)
    text, count = pattern.subn(lambda match: f"{begin(name, by)}{made}{end(name)}", text)
    if count != 1:
        raise ValueError(f"there should be one {begin(name, by).strip()} with its end; there are {count}")
    return text


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, marks, *rows))


def ratio_table(found: result.Result, chosen: Sequence[Case], others: Sequence[str]) -> str:
    rows = []
    for row in tables.rows(found, chosen, others):
        title = f"{row.case.title} (cost: less is better)" if row.case.at_most else row.case.title
        rows.append([title, *(in_markdown(cell) for cell in row.cells)])
    return markdown(["case", "zmqfast", *(f"÷ {tables.heading_of(name)}" for name in others)], rows)


def in_markdown(cell: tables.Cell) -> str:
    return f"**{cell.text}** (target {cell.target})" if cell.reached is False else cell.text


def headlines(found: result.Result) -> list[Case]:
    """A few cases that tell most, and all in which a target is missed."""
    return [case for case in cases()
            if case.name in HEADLINES or any(not reached for *_, reached in found.verdicts(case))]


def measured_others(found: result.Result, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in found.versions]


def readme_table(found: result.Result) -> str:
    reached, missed = tables.verdict_counts(found, cases())
    table = ratio_table(found, headlines(found), measured_others(found, IN_README))
    versions, machine = found.versions, found.machine
    against = ", ".join(f"{tables.name_of(name)} {versions[name]}" for name in ("zmqfast", *IN_README) if name in versions)
    return (f"{table}\nHow many times faster: medians of {tables.in_rounds(found.rounds)} on {machine['date']}, {against}, "
            f"Python {machine['python']}, {machine['processor']}, {machine['cores']} cores. Of {reached + missed} targets "
            f"{reached} are reached; those that are not stand in bold. [All rows, latencies and growth "
            f"curves](docs/benchmarks.md); `make bench` repeats them.\n")


def page_parts(found: result.Result) -> Iterator[tuple[str, str]]:
    """Every part of docs/benchmarks.md that is made, by its name; what was not measured leaves its part empty."""
    yield "conditions", "".join(f"- {line}\n" for line in tables.conditions(found))
    others = measured_others(found, found.others())
    text = picture("ratios", "Ratios, zmqfast to each other library")
    for group in dict.fromkeys(case.group for case in cases()):
        members = [case for case in cases() if case.group == group]
        able = [name for name in others if any(found.ratio(case, name) is not None for case in members)]
        text += f"### {group}\n\n{ratio_table(found, members, able)}\n"
    yield "cases", text.removesuffix("\n") if found.values else ""
    rows = [[title, *cells] for title, cells in tables.latency_rows(found)]
    shown = picture("latency", "Latency of a round trip, by percentile")
    yield "latency", shown + markdown(tables.LATENCY_HEAD, rows) if rows else ""
    for curve in CURVES:
        head, rows = tables.curve_table(found, curve, "<br>")
        yield curve.name, picture(curve.name, curve.title) + markdown(head, rows) if rows else ""


def picture(name: str, title: str) -> str:
    return f"![{title}](pictures/benchmark-{name}.png)\n\n"


def newest() -> Path | None:
    """The saved result that the README shows: their names begin with the date."""
    return max(RESULTS.glob("*.json"), default=None, key=lambda file: file.name)


def write(found: result.Result) -> None:
    readme = replaced(README.read_text(encoding="utf-8"), "benchmark", readme_table(found))
    page = PAGE.read_text(encoding="utf-8")
    for name, made in page_parts(found):
        page = replaced(page, name, made)
    PICTURES.mkdir(exist_ok=True)
    for name, _, figure in charts.charts(found, cases()):
        charts.save(figure, PICTURES / f"benchmark-{name}.png")
    README.write_text(readme, encoding="utf-8")
    PAGE.write_text(page, encoding="utf-8")


def keep(file: Path) -> Path:
    """Save a copy under its date, in the place of earlier results."""
    found = result.load(file)
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"{found.machine['date']}.json"
    if kept != file.resolve():
        shutil.copy(file, kept)
    return kept


if __name__ == "__main__":
    saved = keep(Path(sys.argv[1])) if len(sys.argv) > 1 else newest()
    if saved is None:
        sys.exit(f"no result in {RESULTS}")
    write(result.load(saved))
