"""A PUBHandler, and `python -m zmq.log` that shows what it publishes."""

import logging
import subprocess
import sys

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
