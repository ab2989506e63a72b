"""Patterns between processes that are killed, stopped, cut off and pressed, for as long as you like: `make soak`.

    SOAK_SECONDS=1800 python tests/soak/soak.py

Storms and calms take turns. In a storm, processes are killed and started again, stopped and continued, links are cut or
fall silent, descriptors run out, signals come by the hundred. Prints a table, and ends with 1 when a promise was broken:

- Request-reply and pipeline (zmqfast.patterns): nothing is lost, storm or calm.
- Plain sockets lose what was on its way to a process or over a link that went: counted in storms, and zero in calms. In how
  many calms the machine did not let a process run for half a second is said beside it: such a process misses heartbeats.
- Nowhere does a message come twice or changed.
- What lives through all that has, at the end, the descriptors and about the memory that it began with.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import zmqfast as zmq
from network import Link, Network, free_ports, network

SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
STORM_S, CALM_S = 60, 30            # at most; a short soak has shorter ones
SETTLE_S = 60                       # at most, for everything to run again after a storm
SILENCE_S = 7                       # at most: often longer than roles.py takes for death
AGES_S = 12                         # longer than roles.py waits for what it then calls lost or dead
GROWTH = 24 << 20                   # bytes that a process may grow by
MARGIN = 8                          # descriptors: connections that are just going, or coming
STEP_S = 0.5
CLOSING_S = 30


@dataclasses.dataclass
class Process:
    """One role, started again when it was killed; its counts add up."""

    role: str
    settings: dict[str, Any]
    prefix: list[str]               # words that say in which network it runs
    mortal: bool                    # may be killed
    before: dict[str, int] = dataclasses.field(default_factory=dict)    # counted by those who were killed
    said: dict[str, int] = dataclasses.field(default_factory=dict)
    deaths: int = 0

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, str(Path(__file__).with_name("roles.py")), self.role, json.dumps(self.settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, args=(self.process,), daemon=True)
        self.reader.start()

    def read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            if line.endswith("}\n"):            # whole: the last one of a killed process may not be
                self.said = json.loads(line)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for name, value in self.said.items():
            self.before[name] = self.before.get(name, 0) + value
        self.said = {}
        self.deaths += 1
        self.process.stdin.close()
        self.process.stdout.close()

    def tell(self, word: str) -> None:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def count(self, name: str) -> int:
        return self.before.get(name, 0) + self.said.get(name, 0)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


class Row:
    """One line of the table: some processes and the links between them."""

    def __init__(self, name: str, promise: bool, security: dict[str, Any], network: Network) -> None:
        self.name, self.promise, self.security, self.network = name, promise, security, network
        self.processes: list[Process] = []
        self.links: list[Link] = []
        self.lost_in_calm = 0
        self.calms = self.stalled_calms = 0             # of the calms, those in which the machine did not let a process run
        self.seen: dict[int, tuple[int, int]] = {}      # of who lives: memory and descriptors at the start

    def add(self, role: str, *, mortal: bool = False, **settings: Any) -> Process:
        prefix = self.network.binding if "bind" in settings else self.network.connecting
        self.processes.append(Process(role, {**settings, "security": self.security}, prefix, mortal))
        return self.processes[-1]

    def link_to(self, port: int) -> str:
        self.links.append(self.network.link(port))
        return self.links[-1].endpoint

    def at(self, port: int) -> str:
        """Where who binds does so."""
        return f"tcp://{self.network.bind_host}:{port}"

    def count(self, name: str) -> int:
        return sum(process.count(name) for process in self.processes)

    @property
    def lasting(self) -> list[Process]:
        return [process for process in self.processes if not process.mortal]


# -- what is run ------------------------------------------------------------------------------------------------------

def security(secure: bool) -> dict[str, Any]:
    """The options of who binds, and of who connects."""
    if not secure:
        return {"bind": {}, "connect": {}}
    server, client = ([key.decode() for key in zmq.curve_keypair()] for _ in range(2))
    return {"bind": {"curve_server": 1, "curve_secretkey": server[1]},
            "connect": {"curve_serverkey": server[0], "curve_publickey": client[0], "curve_secretkey": client[1]}}


def rows(secure: bool, ports: Iterator[int], network: Network) -> list[Row]:
    mechanism = "CURVE" if secure else "NULL"
    options = security(secure)
    published = Row(f"PUB-SUB, {mechanism}", False, options, network)
    place = next(ports)
    published.add("emit", mortal=True, kind="PUB", bind=published.at(place))
    where = published.link_to(place)
    for mortal in (False, True):
        published.add("absorb", mortal=mortal, kind="SUB", connect=where)

    called = Row(f"REQ-REP pattern, {mechanism}", True, options, network)
    places = [next(ports), next(ports)]
    for place in places:
        called.add("serve", mortal=True, bind=called.at(place))
    called.add("call", connect=[called.link_to(place) for place in places])

    routed = Row(f"ROUTER-DEALER, {mechanism}", False, options, network)
    place = next(ports)
    routed.add("answer", mortal=True, bind=routed.at(place))
    for _ in range(2):
        routed.add("ask", connect=routed.link_to(place))

    pushed = Row(f"PUSH-PULL, {mechanism}", False, options, network)
    place = next(ports)
    pushed.add("absorb", kind="PULL", bind=pushed.at(place))
    pushed.add("emit", mortal=True, kind="PUSH", connect=pushed.link_to(place))

    line = Row(f"pipeline pattern, {mechanism}", True, options, network)
    places = [next(ports), next(ports)]
    line.add("ventilate", bind=line.at(places[0]))
    line.add("gather", bind=line.at(places[1]), connect=f"tcp://127.0.0.1:{places[0]}")
    for _ in range(2):
        line.add("work", mortal=True, connect=line.link_to(places[0]), sink=line.link_to(places[1]))
    return [published, called, routed, pushed, line]


# -- disturbances -----------------------------------------------------------------------------------------------------

class Storm:
    def __init__(self, row: Row, chance: random.Random) -> None:
        self.row, self.chance = row, chance
        self.undo: list[tuple[float, Any, tuple[Any, ...]]] = []
        self.counted: dict[str, int] = {}

    def disturb(self) -> None:
        """Do one thing to one process or link."""
        what = self.chance.choice((self.kill, self.kill, self.cut, self.fall_silent, self.stop, self.signals, self.press))
        what()
        self.counted[what.__name__] = self.counted.get(what.__name__, 0) + 1

    def later(self, most_s: float, call: Any, *arguments: Any) -> None:
        self.undo.append((time.monotonic() + self.chance.uniform(0.1, most_s), call, arguments))

    def heal(self, now: float) -> None:
        """Undo what is due."""
        due = [entry for entry in self.undo if entry[0] <= now]
        self.undo = [entry for entry in self.undo if entry[0] > now]
        for _, call, arguments in due:
            call(*arguments)

    def kill(self) -> None:
        mortal = [process for process in self.row.processes if process.mortal and process.process.poll() is None]
        if mortal:
            process = self.chance.choice(mortal)
            process.kill()
            self.later(2, process.start)

    def cut(self) -> None:
        link = self.chance.choice(self.row.links)
        link.set_cut(True)
        self.later(2, link.set_cut, False)

    def fall_silent(self) -> None:
        link = self.chance.choice(self.row.links)
        link.set_silent(True)
        self.later(SILENCE_S, link.set_silent, False)

    def alive(self) -> list[Process]:
        """Who has said something: before that a signal ends a process, whose handler is not there yet."""
        return [process for process in self.row.processes if process.said and process.process.poll() is None]

    def stop(self) -> None:
        process = self.chance.choice(self.alive() or self.row.lasting)
        process.signal(signal.SIGSTOP)
        self.later(2, process.signal, signal.SIGCONT)

    def signals(self) -> None:
        for process in self.alive():
            for _ in range(100):
                process.signal(signal.SIGUSR1)

    def press(self) -> None:
        self.chance.choice(self.row.lasting).tell("descriptors")


class Soak:
    def __init__(self, seconds: float, seed: int, network: Network) -> None:
        self.seconds = seconds
        self.network = network
        ports = free_ports()
        self.rows = [row for secure in ([False, True] if zmq.has("curve") else [False]) for row in rows(secure, ports, network)]
        self.storms = [Storm(row, random.Random(f"{seed} {row.name}")) for row in self.rows]
        self.broken: list[str] = []

    def run(self) -> None:
        began = time.monotonic()
        for row in self.rows:
            for process in row.processes:
                process.start()
        self.settle("the start")
        time.sleep(min(10, self.seconds / 10))      # first buffers, first reconnections
        self.remember()
        turn = min(STORM_S + CALM_S, self.seconds / 3)
        while time.monotonic() - began < self.seconds - turn / 2:
            self.storm(turn * STORM_S / (STORM_S + CALM_S))
            self.settle("a storm")
            self.calm(turn * CALM_S / (STORM_S + CALM_S))
        self.end()

    def step(self) -> None:
        time.sleep(STEP_S)
        for row, storm in zip(self.rows, self.storms):
            storm.heal(time.monotonic())
            for process in row.lasting:
                if process.process.poll() is not None:
                    raise SystemExit(f"broken: {row.name}: {process.role} ended with {process.process.returncode}")

    def storm(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            for storm in self.storms:
                if storm.chance.random() < 0.25:
                    storm.disturb()
            self.step()

    def settle(self, what: str) -> None:
        """Wait until nothing is disturbed any more and everybody who receives does so again, and what is lost is counted."""
        for storm in self.storms:
            storm.heal(float("inf"))
        waiting = {id(process): (row, process, process.count("received"))
                   for row in self.rows for process in row.processes if process.role in ("absorb", "call", "ask", "gather")}
        deadline = time.monotonic() + SETTLE_S
        while waiting:
            self.step()
            waiting = {key: entry for key, entry in waiting.items() if entry[1].count("received") <= entry[2]}
            if time.monotonic() > deadline:
                who = ", ".join(sorted({row.name for row, _, _ in waiting.values()}))
                for row in {id(row): row for row, _, _ in waiting.values()}.values():
                    for process in row.processes:
                        print(row.name, process.role, process.process.poll(), process.said)
                raise SystemExit(f"broken: nothing came {SETTLE_S} s after {what}: {who}")
        until_s = time.monotonic() + AGES_S
        while time.monotonic() < until_s:
            self.step()

    def calm(self, seconds: float) -> None:
        before = {id(row): (row.count("lost"), row.count("stalled")) for row in self.rows}
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.step()
        for row in self.rows:
            lost, stalled = before[id(row)]
            row.calms += 1
            row.stalled_calms += row.count("stalled") > stalled
            row.lost_in_calm += row.count("lost") - lost

    def remember(self) -> None:
        for row in self.rows:
            row.seen = {id(process): (process.said["memory"], process.said["descriptors"]) for process in row.lasting}

    def end(self) -> None:
        for row in self.rows:
            for process in row.lasting:
                before, held = row.seen[id(process)]
                memory, descriptors = process.said["memory"], process.said["descriptors"]
                if memory - before > GROWTH:
                    self.broken.append(f"{row.name}: {process.role} grew by {(memory - before) >> 20} MiB")
                if descriptors > held + MARGIN:
                    self.broken.append(f"{row.name}: {process.role} has {descriptors} descriptors, not {held}")
        self.table = self.drawn()
        for row in self.rows:
            if row.count("wrong"):
                self.broken.append(f"{row.name}: {row.count('wrong')} messages twice or changed")
            if row.lost_in_calm:
                self.broken.append(f"{row.name}: {row.lost_in_calm} lost although nothing was disturbed "
                                   f"({row.stalled_calms} of {row.calms} calms stalled)")
            if row.promise and row.count("lost"):
                self.broken.append(f"{row.name}: {row.count('lost')} lost although delivery is promised")
        self.leave()

    def leave(self) -> None:
        """End everybody in order: who may be killed is needed by the others until these have finished."""
        for row in self.rows:
            for mortal in (False, True):
                processes = [process for process in row.processes if process.mortal == mortal]
                for process in processes:
                    process.tell("end")
                for process in processes:
                    self.wait_for_end(row, process)
            for link in row.links:
                link.close()

    def wait_for_end(self, row: Row, process: Process) -> None:
        try:
            process.process.wait(CLOSING_S)
        except subprocess.TimeoutExpired:
            self.broken.append(f"{row.name}: {process.role} did not end")
            process.kill()
        else:
            if process.process.returncode:
                self.broken.append(f"{row.name}: {process.role} ended with {process.process.returncode}")

    def drawn(self) -> Table:
        table = Table(title=f"{self.seconds:.0f} s, libzmq {zmq.zmq_version()}, {self.network.name}")
        for heading in ("pattern", "sent", "received", "lost in storms", "lost in calms", "calms", "stalled", "wrong", "killed",
                        "disturbed", "MiB, start", "MiB, end", "descriptors, start", "end"):
            table.add_column(heading, justify="left" if heading == "pattern" else "right")
        for row, storm in zip(self.rows, self.storms):
            memory, descriptors = (sum(values) for values in zip(*row.seen.values()))
            table.add_row(
                row.name, str(row.count("sent")), str(row.count("received")), str(row.count("lost") - row.lost_in_calm),
                str(row.lost_in_calm), str(row.calms), str(row.stalled_calms), str(row.count("wrong")),
                str(sum(process.deaths for process in row.processes)),
                str(sum(storm.counted.values())), f"{memory / (1 << 20):.0f}",
                f"{sum(process.said['memory'] for process in row.lasting) / (1 << 20):.0f}", str(descriptors),
                str(sum(process.said["descriptors"] for process in row.lasting)))
        return table


def main() -> None:
    seed = int(os.environ.get("SOAK_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}", flush=True)
    with network() as place:
        soak = Soak(SECONDS, seed, place)
        print(f"links: {place.name}", flush=True)
        try:
            soak.run()
        finally:
            for row in soak.rows:
                for process in row.processes:
                    if process.process.poll() is None:
                        process.process.kill()
    Console(width=200).print(soak.table)
    for sentence in soak.broken:
        print("broken:", sentence)
    sys.exit(bool(soak.broken))


if __name__ == "__main__":
    main()
