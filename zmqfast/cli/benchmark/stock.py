"""The C programs of the benchmark, on a stock libzmq: built once, below build/, where sources and compilers are."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "bench" / "c" / "peer.c"
BUILD = ROOT / "build" / "bench"


class NoStock(Exception):
    """Why there are no C programs to measure against."""


def find_source() -> Path:
    """libzmq's source, where setup.py finds it or has left it."""
    places = [Path(os.environ.get("ZMQFAST_LIBZMQ_SOURCE") or ROOT / "libzmq"), *sorted((ROOT / "build" / "debian").glob("*"))]
    for place in places:
        if (place / "CMakeLists.txt").is_file() and (place / "src" / "zmq.cpp").is_file():
            return place.resolve()
    raise NoStock("libzmq's source is not there: ZMQFAST_LIBZMQ_SOURCE, libzmq/ or build/debian/")


def version() -> str:
    """libzmq's version, as its header says it."""
    header = (find_source() / "include" / "zmq.h").read_text()
    return ".".join(re.findall(r"#define ZMQ_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))


@functools.cache
def build() -> Path:
    """The C program, linked to a default Release build of the source that zmqfast is built from.

    Takes some minutes the first time.

    Raises:
        NoStock: no sources, no compiler, or the build failed; says which.
    """
    if not PROGRAM.is_file():
        raise NoStock("C programs are in a checkout only")
    for tool in ("cmake", "cc"):
        if not shutil.which(tool):
            raise NoStock(f"{tool} is not there")
    source = find_source()
    name = hashlib.sha256(f"{source}{(source / 'include' / 'zmq.h').read_text()}".encode()).hexdigest()[:12]
    folder = BUILD / f"libzmq-{name}"
    library = folder / "lib"
    if not (folder / "complete").is_file():
        # Default options, as a distribution would build it; nothing but the library.
        options = ["BUILD_TESTS=OFF", "WITH_PERF_TOOL=OFF", "WITH_DOCS=OFF", "CMAKE_BUILD_TYPE=Release",
                   "CMAKE_POLICY_VERSION_MINIMUM=3.5"]
        run("cmake", "-S", source, "-B", folder, "-Wno-dev", "--log-level=WARNING", *(f"-D{option}" for option in options))
        run("cmake", "--build", folder, "--parallel", os.cpu_count() or 1, "--target", "libzmq")
        (folder / "complete").touch()
    program = folder / "peer"
    if not program.is_file() or program.stat().st_mtime < PROGRAM.stat().st_mtime:
        run("cc", "-O2", PROGRAM, "-o", program, f"-I{source / 'include'}", f"-L{library}", f"-Wl,-rpath,{library}",
            "-lzmq", "-lpthread")
    return program


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NoStock(f"{command[0]} failed: {''.join(last)}")
