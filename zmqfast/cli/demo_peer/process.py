"""The process: plays its roles, a thread each, and tells the demo how it went.

Its stdin brings what the other processes post, and when it ends, the process does. Its stdout is lines of JSON: posts,
progress, the report of each role, or why one failed.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from . import coroutines, datagrams, echoes, streams
from .side import Board, Side

ROLES: dict[str, dict[str, Callable[[Side], None]]] = {
    "PUB-SUB": {"sender": streams.publish, "receiver": streams.subscribe},
    "REQ-REP": {"sender": echoes.requester, "receiver": echoes.replier},
    "PUSH-PULL": {"sender": streams.push, "receiver": streams.pull},
    "ROUTER-DEALER": {"sender": echoes.dealer, "receiver": echoes.router},
    "PAIR": {"sender": streams.pair_sender, "receiver": streams.pair_receiver},
    "XPUB-XSUB proxy": {
        "sender": streams.xpub_sender, "receiver": streams.xsub_receiver, "proxy": streams.forwarder},
    "CURVE PAIR": {"sender": streams.curve_client, "receiver": streams.curve_server},
    "asyncio PUSH-PULL": {"sender": coroutines.push, "receiver": coroutines.pull},
    "RADIO-DISH": {"sender": datagrams.radio, "receiver": datagrams.dish},
    "PUB-SUB multicast": {"sender": datagrams.publish, "receiver": datagrams.subscribe},
}


def play(role: str, side: Side, pattern: str) -> None:
    """Play a role to its end, report, close; a failure ends the process, and the parent the others."""
    try:
        ROLES[pattern][role](side)
        side.board.write(report=side.report(role))
        side.board.post(f"{role} done")
        wait_for_both_ends(side.board)
        side.close()
    except BaseException as error:
        side.board.write(failed=f"{role}: {type(error).__name__}: {error}")
        os._exit(1)


def wait_for_both_ends(board: Board) -> None:
    board.wait("sender done")
    board.wait("receiver done")


def take_part(job: dict[str, Any], zmq: Any, board: Board) -> None:
    """Play the roles of this process, a thread each, on one context."""
    context_module = importlib.import_module(zmq.__name__ + ".asyncio") if job["pattern"].startswith("asyncio") else zmq
    context = context_module.Context()
    threads = [threading.Thread(target=play, args=(role, Side(zmq, context, board, job), job["pattern"]))
               for role in job["roles"]]
    for thread in threads:
        thread.start()
    wait_for_both_ends(board)
    for role, thread in zip(job["roles"], threads):
        if role != "proxy":
            thread.join()
    context.term()      # ends the proxy
    for thread in threads:
        thread.join()


def describe(zmq: Any, capabilities: list[str]) -> dict[str, Any]:
    version = zmq.pyzmq_version() if zmq.__name__ == "zmq" else zmq.__version__
    has = {name: bool(zmq.has(name)) for name in capabilities}
    return {"version": version, "libzmq": zmq.zmq_version(), "has": has}


def main() -> None:
    job = json.loads(sys.argv[1])
    folder = job["import_from"]     # where the parent found its library; our own folder has no library
    sys.path[0:1] = [folder] if folder and folder not in sys.path[1:] else []
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # Ctrl-C is for the parent, which ends us
    lines_out = os.dup(1)
    os.dup2(2, 1)       # what a library prints is not for the parent
    board = Board(lines_out)
    threading.Thread(target=board.listen, args=(0,), daemon=True).start()
    try:
        zmq = importlib.import_module(job["library"])
        if "capabilities" in job:
            board.write(description=describe(zmq, job["capabilities"]))
        else:
            take_part(job, zmq, board)
    except Exception as error:
        board.write(failed=f"{type(error).__name__}: {error}")
