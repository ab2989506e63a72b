"""Misuse pyzmq and zmqfast the same way, and print what came of it: `make misuse`.

`python tests/misuse/compare.py WORD...` takes the cases whose names contain one of the words. What holds is not spelled
out. Ends with status 1 if zmqfast did not hold somewhere; Ctrl-C and SIGTERM end all programs that run.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.progress import track
from rich.table import Table

from misuse.case import Case, Outcome, end_all, run
from misuse.cases import CASES

LIBRARIES = "zmq", "zmqfast"


def main(*words: str) -> int:
    cases = [case for case in CASES if not words or any(word in case.name for word in words)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wanted = [(case, library) for case in cases for library in LIBRARIES if not (case.beyond and library == "zmq")]
        running = {(case.name, library): pool.submit(run, case, library) for case, library in wanted}
        try:
            outcomes = {key: future.result() for key, future in track(running.items(), "misusing", transient=True)}
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            return 128 + signal.SIGINT
    table = Table("case", "pyzmq", "zmqfast", title=f"{len(cases)} cases of misuse")
    held = dict.fromkeys(LIBRARIES, 0)
    for case in cases:
        columns = []
        for library in LIBRARIES:
            outcome = outcomes.get((case.name, library))
            held[library] += outcome is not None and outcome.holds(case)
            columns.append(shown(case, outcome))
        table.add_row(case.name, *columns)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    asked = len([case for case in cases if not case.beyond])
    console.print(f"pyzmq held in {held['zmq']} of {asked} cases, zmqfast in {held['zmqfast']} of {len(cases)}")
    return held["zmqfast"] != len(cases)


def shown(case: Case, outcome: Outcome | None) -> str:
    if outcome is None:
        return "does not have it"
    return "holds" if outcome.holds(case) else str(outcome)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(*sys.argv[1:]))
