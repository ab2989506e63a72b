"""Programs of others on zmqfast: `make test-downstream`, or `python tests/dropin/downstream.py [NAME]...`.

What they need comes from PyPI into build/downstream when this is run. Each program runs in a process of its own, says
`import zmq`, and gets zmqfast through install_as_zmq(), and so do the processes that it starts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "downstream"
PACKAGES = FOLDER / "packages"
TIMEOUT_S = 120
REQUIREMENTS = ["gevent>=24.11", "ipykernel>=6.29", "jupyter_client>=8.6", "nbclient>=0.10", "nbformat>=5.10",
                "tornado>=6.4"]
SITECUSTOMIZE = "import zmqfast\n\nzmqfast.install_as_zmq()\n"

JUPYTER = """
import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

cells = [new_code_cell(source) for source in (
    "import zmq; print(zmq.__name__)", "for i in range(500): print(i)", "sum(i * i for i in range(1000))", "1 / 0")]
client = NotebookClient(new_notebook(cells=cells), timeout=60, kernel_name="python3", allow_errors=True)
client.execute()
name, numbers, total, failed = [cell.outputs for cell in client.nb.cells]
assert name[0].text == "zmqfast\\n", name
assert "".join(output.text for output in numbers) == "".join(f"{i}\\n" for i in range(500)), numbers
assert total[0].data["text/plain"] == "332833500", total
assert failed[0].ename == "ZeroDivisionError", failed
"""

GEVENT = """
import zmq                                      # before the monkey-patching, as many programs do
from gevent import monkey

monkey.patch_all()
import gevent
import zmq.green

context = zmq.green.Context()
server, client = context.socket(zmq.REP), context.socket(zmq.REQ)
port = server.bind_to_random_port("tcp://127.0.0.1")
client.connect(f"tcp://127.0.0.1:{port}")
ticks = []

def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0)

def serve():
    for _ in range(200):
        server.send(server.recv().upper())

def ask():
    return [client.send(b"question %d" % i) or client.recv() for i in range(200)]

ticker, serving, asking = gevent.spawn(tick), gevent.spawn(serve), gevent.spawn(ask)
answers = asking.get(timeout=30)
serving.join(timeout=30)
ticker.kill()
assert answers == [b"QUESTION %d" % i for i in range(200)], answers
assert ticks, "the other greenlet never ran"
context.destroy(linger=0)
"""

TORNADO = """
import asyncio
import zmq
from zmq.eventloop.zmqstream import ZMQStream

async def main():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router, context.socket(zmq.DEALER) as dealer:
        port = router.bind_to_random_port("tcp://127.0.0.1")
        dealer.connect(f"tcp://127.0.0.1:{port}")
        echoing, asking = ZMQStream(router), ZMQStream(dealer)
        answers, done = [], asyncio.get_running_loop().create_future()

        def on_answer(frames):
            answers.append(frames)
            if len(answers) == 300:
                done.set_result(None)

        echoing.on_recv(echoing.send_multipart)
        asking.on_recv(on_answer)
        for i in range(300):
            asking.send_multipart([b"%d" % i, b"body"])
        await asyncio.wait_for(done, 30)
        assert answers == [[b"%d" % i, b"body"] for i in range(300)], answers
        echoing.close()
        asking.close()

asyncio.run(main())
"""

LOGGING = """
import logging, subprocess, sys
import zmq
from zmq.log.handlers import PUBHandler

context = zmq.Context()
publisher = context.socket(zmq.XPUB)
port = publisher.bind_to_random_port("tcp://127.0.0.1")
viewer = subprocess.Popen([sys.executable, "-u", "-m", "zmq.log", f"tcp://127.0.0.1:{port}", "-t", "app"],
                          stdout=subprocess.PIPE, text=True)
try:
    assert publisher.poll(30000), "the viewer never subscribed"
    publisher.recv()
    handler = PUBHandler(publisher)
    handler.root_topic = "app"
    logger = logging.getLogger("downstream")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("a message of level %s", level)
        lines = [viewer.stdout.readline()]
        while f"a message of level {level}" not in lines[-1]:
            assert lines[-1] and len(lines) < 10, lines
            lines.append(viewer.stdout.readline())
finally:
    viewer.kill()
    viewer.wait()
    context.destroy(linger=0)
"""

PROGRAMS = {"jupyter": JUPYTER, "gevent": GEVENT, "tornado": TORNADO, "logging": LOGGING}


def install() -> None:
    """Fetch what the programs need, once; pip's own settings say where from."""
    if not PACKAGES.is_dir():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "--target", PACKAGES, *REQUIREMENTS], check=True)
    (FOLDER / "sitecustomize.py").write_text(SITECUSTOMIZE)


def run(program: str) -> str | None:
    """What went wrong in a program; None when nothing did."""
    path = os.pathsep.join([str(FOLDER), str(ROOT), str(PACKAGES)])
    environment = {**os.environ, "PYTHONPATH": path, "HOME": str(FOLDER), "JUPYTER_PLATFORM_DIRS": "1",
                   "JUPYTER_PATH": str(PACKAGES / "share" / "jupyter")}
    try:
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT_S} s"
    return done.stdout + done.stderr if done.returncode else None


def main(wanted: list[str]) -> int:
    """Run the programs that are named, or all; the status for the process."""
    install()
    failed = 0
    for name in wanted or PROGRAMS:
        error = run(PROGRAMS[name])
        print(f"{name}: {'ok' if error is None else 'FAILED'}", flush=True)
        if error is not None:
            failed += 1
            print(error)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
