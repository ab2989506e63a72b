"""What the allocator is worth to libzmq, and to zmqfast on top of its own pool: the table of docs/allocators.md.

python bench/allocators.py ROUNDS LIBRARY ... measures so many rounds more with each of these allocators preloaded, beside the
C library's own, adds them to docs/allocators.json, and writes the table; without arguments it only writes that.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from report import markdown, replaced
from zmqfast.cli.benchmark import running
from zmqfast.cli.benchmark.cases import KIB, in_words
from zmqfast.cli.benchmark.tables import heading_of, in_unit

DOCS = Path(__file__).parents[1] / "docs"
DATA, PAGE = DOCS / "allocators.json", DOCS / "allocators.md"
OWN = "the C library's"
SECONDS = 0.3
# zmqfast lends longer bytes over inproc, so that no allocator has a part in it.
ROWS = [(library, transport, size) for library in ("c", "pyzmq", "zmqfast")
        for transport, size in (("inproc", 128), ("inproc", 4 * KIB), ("tcp", 256), ("tcp", 4 * KIB))
        if (library, transport, size) != ("zmqfast", "inproc", 4 * KIB)]


@contextlib.contextmanager
def preloaded(library: str) -> Iterator[None]:
    """Processes that are started meanwhile have this allocator."""
    if library:
        os.environ["LD_PRELOAD"] = library
    try:
        yield
    finally:
        os.environ.pop("LD_PRELOAD", None)


def rate(library: str, transport: str, size: int) -> float:
    """Messages a second, PUSH-PULL."""
    kind = "threads" if transport == "inproc" else "stream"
    return float(running.measure(library, {"kind": kind, "transport": transport, "size": size, "seconds": SECONDS}).value)


def measure(values: dict[str, dict[str, list[float]]], allocators: dict[str, str]) -> None:
    """One round: row → allocator → a value for each round."""
    for library, transport, size in ROWS:
        for name, path in allocators.items():
            with preloaded(path):
                found = rate(library, transport, size)
            values.setdefault(f"{library} {transport} {size}", {}).setdefault(name, []).append(round(found))


def table(result: dict[str, Any]) -> str:
    """Rates with the C library's allocator; of each other, the median, least and greatest of its ratios to that."""
    first = next(iter(result["values"].values()))
    rows = []
    for library, transport, size in ROWS:
        values = result["values"][f"{library} {transport} {size}"]
        row = [f"{heading_of(library)}, {transport}, {in_words(size)}", in_unit(statistics.median(values[OWN]), "1/s")]
        for name in first:
            if name != OWN:
                ratios = [there / here for there, here in zip(values[name], values[OWN], strict=True)]
                row.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})")
        rows.append(row)
    machine = result["machine"]
    return (markdown(["messages a second", OWN, *(f"× with {name}" for name in first if name != OWN)], rows)
            + f"\n{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, zmqfast with libzmq "
            f"{machine['libzmq']}, {machine['date']}, load at the end {machine['load']:.1f}; the median of {len(first[OWN])} "
            "interleaved rounds, and the least and the greatest.\n")


def main(rounds: int, libraries: list[str]) -> None:
    result = json.loads(DATA.read_text()) if DATA.is_file() else {"values": {}}
    for _ in range(rounds):
        measure(result["values"], {OWN: "", **{Path(library).resolve().name: library for library in libraries}})
        result["machine"] = running.machine()
        DATA.write_text(json.dumps(result, indent=1) + "\n")
    PAGE.write_text(replaced(PAGE.read_text(), "allocators", table(result), by="bench/allocators.py"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 0, sys.argv[2:])
