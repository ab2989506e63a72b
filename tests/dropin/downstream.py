"""Programs of others on zmqfast: `make test-downstream`, or `python tests/dropin/downstream.py [NAME]...`.

They are programs/uses_NAME.py. What they need comes from PyPI into build/downstream when this is run. Each program runs in
a process of its own, says `import zmq`, and gets zmqfast through install_as_zmq(), and so do the processes that it starts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "downstream"
PACKAGES = FOLDER / "packages"
PROGRAMS = Path(__file__).with_name("programs")
TIMEOUT_S = 120
REQUIREMENTS = [
    "aiozmq>=1.0", "circus>=0.19", "gevent>=24.11", "ipykernel>=6.29", "ipyparallel>=9", "jupyter_client>=8.6",
    "locust>=2.40", "msgpack>=1.0", "nbclient>=0.10", "nbformat>=5.10", "spyder-kernels>=3.1", "tornado>=6.4",
    "zerorpc>=0.6.3",
]
SITECUSTOMIZE = "import zmqfast\n\nzmqfast.install_as_zmq()\n"


def install() -> None:
    """Fetch what the programs need, unless that is there; pip's own settings say where from."""
    installed = FOLDER / "requirements.txt"
    if not installed.is_file() or installed.read_text().split() != REQUIREMENTS:
        shutil.rmtree(PACKAGES, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "--target", PACKAGES, *REQUIREMENTS], check=True)
        installed.write_text("\n".join(REQUIREMENTS))
    (FOLDER / "sitecustomize.py").write_text(SITECUSTOMIZE)


def run(program: Path) -> str | None:
    """What went wrong in a program; None when nothing did."""
    path = os.pathsep.join([str(FOLDER), str(ROOT), str(PACKAGES)])
    environment = {**os.environ, "PYTHONPATH": path, "HOME": str(FOLDER), "JUPYTER_PLATFORM_DIRS": "1",
                   "JUPYTER_PATH": str(PACKAGES / "share" / "jupyter")}
    with (FOLDER / f"{program.stem}.log").open("w+") as log:
        process = subprocess.Popen([sys.executable, program], env=environment, stdout=log, stderr=log,
                                   start_new_session=True)
        try:
            status: int | str = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            status = f"not done after {TIMEOUT_S} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)      # and what it has started
            process.wait()
        log.seek(0)
        return f"{log.read()}\n{status}" if status else None


def main(wanted: list[str]) -> int:
    """Run the programs that are named, or all; the status for the process."""
    install()
    failed = 0
    programs = {path.stem.removeprefix("uses_"): path for path in sorted(PROGRAMS.glob("uses_*.py"))}
    for name in wanted or programs:
        error = run(programs[name])
        print(f"{name}: {'ok' if error is None else 'FAILED'}", flush=True)
        if error is not None:
            failed += 1
            print(error)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
