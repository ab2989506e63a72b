"""The curve by which the default IN_BATCH_SIZE and OUT_BATCH_SIZE are chosen: throughput over tcp, and resident memory of
a connection whose buffers are filled.

python bench/batch_sizes.py [ROUNDS] measures so many rounds more (3), adds them to docs/batch-sizes.json, and draws
docs/batch-sizes.svg; with 0 it only draws. A round takes some 50 seconds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import zmqfast as zmq
from zmqfast.cli.benchmark import running

DOCS = Path(__file__).parents[1] / "docs"
DATA, PICTURE = DOCS / "batch-sizes.json", DOCS / "batch-sizes.svg"
KIB = 1024
BATCHES = [8 << doubling for doubling in range(8)]     # KiB: 8 to 1024; libzmq's own default is the first
OPTIONS = ("in_batch_size", "out_batch_size")
FRAMES = {256: "256 B", 4 * KIB: "4 KiB", 64 * KIB: "64 KiB"}
SECONDS = 0.4
CONNECTIONS = 50
MEMORY = "memory"


def throughput(option: str, batch: int, size: int) -> float:
    """Frames per second between two processes, the other option at its default."""
    job = {"kind": "stream", "transport": "tcp", "size": size, "seconds": SECONDS, option: batch * KIB}
    return float(running.measure("zmqfast", job).value)


def memory(option: str, batch: int) -> float:
    """Bytes that a connection takes, both ends in a process of their own."""
    done = subprocess.run([sys.executable, __file__, option, str(batch)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def resident() -> int:
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) * KIB for line in file if line.startswith("Rss:"))


def connection(option: str, batch: int) -> float:
    """Connections of one process with itself, each idle after a burst of small frames that has filled its buffers."""
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 2 * CONNECTIONS + 100)
    pull = context.socket(zmq.PULL)
    pull.rcvhwm = 0
    setattr(pull, option, batch * KIB)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    burst = [bytes(KIB)] * (4 * max(BATCHES))
    kept = []

    def connect() -> None:
        push = context.socket(zmq.PUSH)
        push.sndhwm = 0
        setattr(push, option, batch * KIB)
        push.connect(f"tcp://127.0.0.1:{port}")
        push.send_many(burst)
        received = 0
        while received < len(burst):
            received += len(pull.recv_many(timeout=10))
        kept.append(push)

    for _ in range(10):         # the memory of the burst itself is there now
        connect()
    before = resident()
    for _ in range(CONNECTIONS):
        connect()
    return (resident() - before) / CONNECTIONS


def measure(values: dict[str, dict[str, dict[str, list[float]]]]) -> None:
    """One round: option → what is measured → batch size in KiB → a value for each round."""
    for option in OPTIONS:
        for batch in BATCHES:
            for size, name in FRAMES.items():
                found = values.setdefault(option, {}).setdefault(name, {}).setdefault(str(batch), [])
                found.append(round(throughput(option, batch, size)))
            values[option].setdefault(MEMORY, {}).setdefault(str(batch), []).append(round(memory(option, batch)))


def draw(result: dict[str, Any]) -> None:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "batch-sizes"     # the same data give the same file
    figure = Figure(figsize=(10, 7), layout="constrained")
    FigureCanvasSVG(figure)
    rows = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, option in enumerate(OPTIONS):
        speed, cost = rows[0][column], rows[1][column]
        for name in FRAMES.values():
            medians = [statistics.median(result["values"][option][name][str(batch)]) for batch in BATCHES]
            speed.plot(BATCHES, [value / medians[0] for value in medians], marker="o", label=name)
        speed.set_title(option)
        speed.axhline(1, color="black", linewidth=0.8)
        kept = result["values"][option][MEMORY]
        cost.plot(BATCHES, [statistics.median(kept[str(batch)]) / KIB for batch in BATCHES], marker="o", color="tab:red")
        cost.set_xscale("log", base=2)
        cost.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
        cost.set_xlabel("KiB")
        for axes in (speed, cost):
            axes.axvline(result["defaults"][option] / KIB, color="gray", linestyle="--", linewidth=0.8)
    rows[0][0].set_ylabel("frames/s over tcp, 8 KiB = 1")
    rows[0][0].legend(title="frame")
    rows[1][0].set_ylabel("resident KiB of a connection, both ends, buffers filled")
    rows[1][0].set_ylim(bottom=0)
    machine = result["machine"]
    figure.suptitle(f"{machine['processor']}, {machine['cores']} cores, libzmq {machine['libzmq']}; median of "
                    f"{result['rounds']} rounds; dashed: the default", fontsize="small")
    figure.savefig(PICTURE, metadata={"Date": None})


def main(rounds: int) -> None:
    result = json.loads(DATA.read_text()) if DATA.is_file() else {"rounds": 0, "values": {}}
    for _ in range(rounds):
        measure(result["values"])
        result["rounds"] += 1
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        result["defaults"] = {option: getattr(push, option) for option in OPTIONS}
    if rounds:
        result["machine"] = running.machine()
    DATA.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    draw(result)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(connection(sys.argv[1], int(sys.argv[2])), flush=True)
        os._exit(0)     # no need to close so many sockets
    main(int(sys.argv[1]) if sys.argv[1:] else 3)
