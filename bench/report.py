"""Write README's table from a saved result: python bench/report.py bench/results/FILE.json"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from zmqfast.cli import bench_run
from zmqfast.cli.bench_cases import cases

README = Path(__file__).parents[1] / "README.md"
HEAD = "| case | zmqfast ÷ pyzmq | zmqfast ÷ libzmq in C |\n| --- | --- | --- |\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*(?:\n\*[^\n]*\n)?")     # with the note below it


def table(result: dict[str, Any]) -> str:
    """The table and a note on what was measured; what misses its target says so."""
    lines = []
    for case in cases():
        values = result["values"].get(case.name, {})
        cells = []
        for library in ("pyzmq", "c"):
            ratio = bench_run.ratio(case, values, library)
            missed = ratio is not None and case.reached(library, ratio) is False
            cells.append("" if ratio is None else f"{ratio:.2f}" + (f" (target {case.targets[library]:g})" if missed else ""))
        if any(cells):
            note = " (cost: less is better)" if case.at_most else ""
            lines.append(f"| {case.title}{note} | {cells[0]} | {cells[1]} |\n")
    machine, versions = result["machine"], result["versions"]
    against = ", ".join(f"{name} {versions[name]}" for name in ("zmqfast", "pyzmq") if name in versions)
    note = (f"\n*Medians of {result['rounds']} interleaved rounds on {machine['date']}: {against}, libzmq {machine['libzmq']}, "
            f"Python {machine['python']}, {machine['processor']}, {machine['cores']} cores. Repeat it with `make bench`.*\n")
    return HEAD + "".join(lines) + note


def with_table(readme: str, result: dict[str, Any]) -> str:
    """The README's text, its table replaced.

    Raises:
        ValueError: there is no table to replace.
    """
    text, count = TABLE.subn(lambda match: table(result), readme, count=1)
    if not count:
        raise ValueError("README.md has no table of the benchmark")
    return text


if __name__ == "__main__":
    saved = json.loads(Path(sys.argv[1]).read_text())
    README.write_text(with_table(README.read_text(encoding="utf-8"), saved), encoding="utf-8")
