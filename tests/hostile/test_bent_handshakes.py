"""Handshakes of each mechanism, bent on the way: at each step, in both directions, by a forwarder that changes one byte,
stops, or says something twice. Who is met by that may fail; the server, the client and everybody else go on.
"""

from __future__ import annotations

import itertools
import socket
import threading

import pytest

import zmqfast as zmq
from zmqfast.auth.thread import ThreadAuthenticator

STEP = 7                # bytes between two places that are bent; a handshake has up to 64 + 202 + 340 one way
PAYLOAD = b"payload" * 40
LENGTHS = {"NULL": 120, "PLAIN": 190, "CURVE": 640}     # bytes of a handshake, and some of what follows
WAIT_S = 20


class Bender:
    """Forwards one connection to `target`, and bends it at `place` of one direction; `how` says in which way."""

    def __init__(self, target: int, how: str, place: int, to_server: bool) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.target, self.how, self.place, self.to_server = target, how, place, to_server
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        with self.listener:             # a second try finds nobody
            try:
                client, _ = self.listener.accept()
            except OSError:             # ended: nobody came
                return
        server = socket.create_connection(("127.0.0.1", self.target))
        threads = [threading.Thread(target=self.forward, args=way) for way in ((client, server, self.to_server),
                                                                               (server, client, not self.to_server))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
        server.close()

    def end(self) -> None:
        """Nobody comes any more."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)        # wakes who waits in accept()
        except OSError:
            pass                        # closed, since somebody came
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()

    def forward(self, source: socket.socket, drain: socket.socket, bent: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                at = self.place - passed
                passed += len(data)
                if bent and 0 <= at < len(data):
                    data = {
                        "change": data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:],
                        "stop": data[:at],
                        "repeat": data[:at] + data[max(at - 30, 0):],
                    }[self.how]
                    drain.sendall(data)
                    if self.how == "stop":
                        break
                else:
                    drain.sendall(data)
        except OSError:
            pass
        for each in (source, drain):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def options(mechanism: str) -> tuple[dict, dict]:
    if mechanism == "CURVE":
        server, client = zmq.curve_keypair(), zmq.curve_keypair()
        return ({"curve_server": 1, "curve_secretkey": server[1]},
                {"curve_serverkey": server[0], "curve_publickey": client[0], "curve_secretkey": client[1]})
    if mechanism == "PLAIN":
        return {"plain_server": 1, "zap_domain": b"global"}, {"plain_username": b"user", "plain_password": b"secret"}
    return {}, {}


@pytest.mark.timeout(150)
@pytest.mark.parametrize("how", ["change", "stop", "repeat"])
@pytest.mark.parametrize("mechanism", ["NULL", "PLAIN", "CURVE"])
def test_a_bent_handshake_is_its_own_misfortune(context, mechanism, how):
    if mechanism == "CURVE" and not zmq.has("curve"):
        pytest.skip("no CURVE in this build")
    authenticator = ThreadAuthenticator(context)
    if mechanism == "PLAIN":
        authenticator.start()
        authenticator.configure_plain("global", {"user": "secret"})
    server_side, client_side = options(mechanism)

    def opened(kind: int, side: dict, **more: object) -> zmq.Socket:
        opened = context.socket(kind)
        for name, value in {"linger": 0, "handshake_ivl": 300, "reconnect_ivl": -1, **side, **more}.items():
            setattr(opened, name, value)
        return opened

    server = opened(zmq.PULL, server_side)
    server.bind("tcp://127.0.0.1:*")
    endpoint = server.last_endpoint.rstrip(b"\0").decode()
    benders = []
    for place, to_server in itertools.product(range(0, LENGTHS[mechanism], STEP), (True, False)):
        benders.append(Bender(int(endpoint.rpartition(":")[2]), how, place, to_server))
        bent = opened(zmq.PUSH, client_side)
        bent.connect(benders[-1].endpoint)
        bent.try_send(PAYLOAD)      # False where the connection has ended already, and with it the queue
        straight = opened(zmq.PUSH, client_side, reconnect_ivl=100)     # the machine may be too busy for its handshake
        straight.connect(endpoint)
        straight.send(b"straight")
        while (body := server.recv(timeout=WAIT_S)) != b"straight":
            assert mechanism != "CURVE" or body == PAYLOAD     # whole, or not at all
        straight.close(0)
        bent.close(0)
    for bender in benders:
        bender.end()
    if mechanism == "PLAIN":
        authenticator.stop()

