"""Authenticators and certificate files, each library's with the other's."""

import contextlib
import importlib

import pytest

import zmqfast

zmq = pytest.importorskip("zmq")
pytestmark = pytest.mark.skipif(not zmqfast.has("curve") or not zmq.has("curve"), reason="CURVE is not in both")

TIMEOUT_MS = 10_000
LIBRARIES = [zmqfast, zmq]
MIXED = [(zmqfast, zmq), (zmq, zmqfast)]
NAMES = {zmqfast: "zmqfast", zmq: "pyzmq"}


def module(library, name):
    return importlib.import_module(f"{library.__name__}.{name}")


class Side:
    """One library's context and sockets."""

    def __init__(self, library) -> None:
        self.library = library
        self.context = library.Context()
        self.sockets = []

    def socket(self, kind, **options):
        socket = self.context.socket(getattr(self.library, kind))
        self.sockets.append(socket)
        socket.linger = 0
        for name, value in options.items():
            setattr(socket, name, value)
        return socket

    def close(self) -> None:
        for socket in self.sockets:
            socket.close(linger=0)
        self.context.destroy(linger=0)

    def load(self, file):
        return module(self.library, "auth").load_certificate(file)


@pytest.fixture(params=MIXED, ids=lambda pair: f"{NAMES[pair[0]]} guards, {NAMES[pair[1]]} knocks")
def sides(request):
    """The guarding side, with its authenticator running, the knocking side, and the authenticator."""
    guarding, knocking = map(Side, request.param)
    with contextlib.ExitStack() as stack:
        stack.callback(guarding.close)
        stack.callback(knocking.close)
        authenticator = module(guarding.library, "auth.thread").ThreadAuthenticator(guarding.context)
        authenticator.start()
        stack.callback(authenticator.stop)
        yield guarding, knocking, authenticator


def outcome(server, knocking, **options):
    """200 for a client that is let in and heard; else the status that its monitor tells, and the server has nothing."""
    client = knocking.socket("PUSH", **options)
    events = knocking.library.EVENT_HANDSHAKE_SUCCEEDED | knocking.library.EVENT_HANDSHAKE_FAILED_AUTH
    monitor = client.get_monitor_socket(events)
    knocking.sockets.append(monitor)
    client.connect(server.last_endpoint.decode().rstrip("\0"))
    with contextlib.suppress(knocking.library.Again):       # denied already
        client.send(b"hello", zmq.DONTWAIT)
    assert monitor.poll(TIMEOUT_MS), "the handshake never ended"
    event = module(knocking.library, "utils.monitor").recv_monitor_message(monitor)
    client.disable_monitor()
    if event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
        assert server.poll(TIMEOUT_MS)
        assert server.recv() == b"hello"
        return 200
    assert not server.poll(0)
    return event["value"]


@pytest.mark.parametrize("writer", LIBRARIES, ids=NAMES.get)
def test_certificates_of_a_folder(sides, tmp_path, writer):
    guarding, knocking, authenticator = sides
    write = module(writer, "auth").create_certificates
    (tmp_path / "known").mkdir()
    server_public_file, server_file = write(tmp_path, "server")
    known_file, stranger_file = write(tmp_path / "known", "joe")[1], write(tmp_path, "stranger")[1]
    authenticator.configure_curve("*", str(tmp_path / "known"))
    public, secret = guarding.load(server_file)
    server = guarding.socket("PULL", curve_server=1, curve_publickey=public, curve_secretkey=secret)
    server.bind("tcp://127.0.0.1:*")
    server_key, _ = knocking.load(server_public_file)
    for file, status in ((known_file, 200), (stranger_file, 400), (known_file, 200)):
        own_public, own_secret = knocking.load(file)
        assert outcome(server, knocking, curve_serverkey=server_key, curve_publickey=own_public,
                       curve_secretkey=own_secret) == status


def test_a_callback_and_any(sides):
    guarding, knocking, authenticator = sides
    joe, stranger = zmqfast.curve_keypair(), zmq.curve_keypair()
    asked = []

    class Provider:
        def callback(self, domain, key):
            asked.append((domain, key))
            return key == joe[0]

    authenticator.configure_curve_callback("here", Provider())
    public, secret = guarding.library.curve_keypair()
    server = guarding.socket("PULL", curve_server=1, curve_secretkey=secret, zap_domain=b"here")
    server.bind("tcp://127.0.0.1:*")

    def knock(pair):
        return outcome(server, knocking, curve_serverkey=public, curve_publickey=pair[0], curve_secretkey=pair[1])

    assert (knock(joe), knock(stranger)) == (200, 400)
    assert asked == [("here", joe[0]), ("here", stranger[0])]


def test_plain(sides):
    guarding, knocking, authenticator = sides
    authenticator.configure_plain("here", {"joe": "opensesame"})
    server = guarding.socket("PULL", plain_server=1, zap_domain=b"here")
    server.bind("tcp://127.0.0.1:*")
    assert outcome(server, knocking, plain_username=b"joe", plain_password=b"opensesame") == 200
    assert outcome(server, knocking, plain_username=b"joe", plain_password=b"guess") == 400


@pytest.mark.parametrize("call, status", [("allow", 200), ("deny", 400)])
def test_addresses(sides, call, status):
    guarding, knocking, authenticator = sides
    getattr(authenticator, call)("127.0.0.1")
    server = guarding.socket("PULL", zap_domain=b"here")
    server.bind("tcp://127.0.0.1:*")
    assert outcome(server, knocking) == status
