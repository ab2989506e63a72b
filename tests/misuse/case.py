"""A case of misuse: a program, and what it has to print; and how one is run and judged."""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMEOUT_S = 40.0 * float(os.environ.get("ZMQFAST_SLOWER", 1))     # sanitizers and valgrind make it slower


@dataclasses.dataclass(frozen=True)
class Case:
    """A program that misuses a library and has to go on: it begins with `from misused import *`."""

    name: str                   # "subject: what is done"
    program: str
    printed: str = "end"        # by a library that holds
    beyond: bool = False        # uses calls that pyzmq does not have

    @property
    def source(self) -> str:
        return "from misused import *\n" + textwrap.dedent(self.program).strip("\n") + "\n"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a program ended, and what it said."""

    ending: str                 # "ends", "ends with 1", "is killed by SIGSEGV", "hangs"
    printed: str
    complaints: str             # its stderr

    def holds(self, case: Case) -> bool:
        return (self.ending, self.printed.strip(), self.complaints) == ("ends", case.printed.strip(), "")

    def __str__(self) -> str:
        if self.ending != "ends":
            return self.ending + (f" ({last_line(self.complaints)})" if self.ending.startswith("ends") else "")
        if self.complaints:
            return f"complains: {last_line(self.complaints)}"
        return f"prints {' / '.join(self.printed.split(chr(10))).strip(' /')[:100]!r}"


def last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:100]


ENVIRONMENT = dict(os.environ)      # as it was: pytest changes it while programs are started in other threads
running: set[subprocess.Popen] = set()


def end_all() -> None:
    """End every program that runs: whoever waits for it has its outcome then."""
    for process in list(running):
        kill_group(process)


def run(case: Case, library: str) -> Outcome:
    """Run a case in a process of its own, in a folder of its own, and end all that it has left behind."""
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        program = Path(folder, "program.py")
        program.write_text(case.source, encoding="utf-8")
        with open(Path(folder, "printed"), "w+") as printed, open(Path(folder, "complaints"), "w+") as complaints:
            # files, not pipes: a child that outlives the program would keep those open
            process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", str(program)], stdin=subprocess.DEVNULL, stdout=printed,
                stderr=complaints, cwd=folder, start_new_session=True,
                env={**ENVIRONMENT, "MISUSED": library, "PYTHONPATH": os.pathsep.join([str(HERE), *import_path()])})
            running.add(process)
            try:
                ending = ending_of(process.wait(TIMEOUT_S))
            except subprocess.TimeoutExpired:
                ending = "hangs"
            kill_group(process)
            process.wait()
            running.discard(process)
            printed.seek(0)
            complaints.seek(0)
            return Outcome(ending, printed.read(), complaints.read())


@functools.cache
def import_path() -> list[str]:
    given = os.environ.get("PYTHONPATH")
    return given.split(os.pathsep) if given else []


def ending_of(status: int) -> str:
    if status < 0:
        return f"is killed by {signal.Signals(-status).name}"
    return "ends" if status == 0 else f"ends with {status}"


def kill_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:      # nobody of it is left
        pass
