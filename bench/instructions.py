"""Instructions of one operation, counted by callgrind and compared with bench/instructions.json.

python bench/instructions.py checks; with --record it writes. Counts belong to a libzmq version and a Python version;
they depend on the compiler too, which is noted beside them.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zmqfast

FOLDER = Path(__file__).parent
RECORDED = FOLDER / "instructions.json"
OPERATIONS = ("send", "recv", "send_recv_copied", "send_recv_lent", "send_recv_frame", "send_multipart", "recv_multipart",
              "poll", "try_recv", "send_many", "recv_many", "recv_batch")
COUNT = 200
GROWTH = 1.05


def instructions(operation: str, count: int) -> int:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable,
         str(FOLDER / "instructions_body.py"), operation, str(count), str(2 * COUNT)],
        env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)
    return int(re.findall(r"Collected : (\d+)", done.stderr)[0])


def count_all() -> dict[str, int]:
    """Instructions of each operation: the difference of two runs, so that the start of Python is not in it."""
    runs = [(operation, count) for operation in OPERATIONS for count in (COUNT, 2 * COUNT)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = dict(zip(runs, pool.map(instructions, *zip(*runs))))
    return {operation: round((counted[operation, 2 * COUNT] - counted[operation, COUNT]) / COUNT)
            for operation in OPERATIONS}


def main() -> int:
    if not shutil.which("valgrind"):
        print("skipped: instruction counts, as valgrind is not there")
        return 0
    key = f"libzmq {zmqfast.zmq_version()}, Python {'.'.join(platform.python_version_tuple()[:2])}"
    recorded = json.loads(RECORDED.read_text()) if RECORDED.is_file() else {}
    counts = count_all()
    if "--record" in sys.argv[1:]:
        recorded[key] = {"compiler": platform.python_compiler(), "machine": platform.machine(), "counts": counts}
        RECORDED.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
    if key not in recorded:
        print(f"NOT RECORDED: {key}; nothing was compared: {counts}", file=sys.stderr)
        return 1
    known = recorded[key]["counts"]
    grown = [name for name in OPERATIONS if counts[name] > known.get(name, 0) * GROWTH]
    for name in OPERATIONS:
        print(f"{name}: {counts[name]}, recorded {known.get(name, 'never')}{' GROWN' if name in grown else ''}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
