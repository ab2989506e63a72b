"""`zmqfast run`: run a program that says `import zmq` on zmqfast. Needs no extra."""

from __future__ import annotations

import os
import runpy
import sys

from zmqfast.compat.install import install_as_zmq

USAGE = """\
Usage: zmqfast run SCRIPT [ARGUMENT]...
       zmqfast run -m MODULE [ARGUMENT]...

Run a Python program with zmqfast in the place of pyzmq, as python would run it.

Example: zmqfast run -m jupyter lab"""


def run(arguments: list[str]) -> None:
    """Run the script or module that `arguments` begin with; the rest is its sys.argv."""
    if arguments[:1] in (["--help"], ["-h"]):
        print(USAGE)
        return
    as_module = arguments[:1] == ["-m"]
    program = arguments[1:] if as_module else arguments
    if not program or not as_module and program[0].startswith("-"):
        sys.exit(f"{USAGE}\n\nzmqfast run: there is no program to run")
    install_as_zmq()
    sys.argv = program
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.getcwd() if as_module else os.path.dirname(os.path.realpath(program[0]))
    if as_module:
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program[0], run_name="__main__")
