"""Authenticators: who gets in, who does not and why, what is logged."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback

import pytest
import zmqfast as zmq
from zmqfast.auth import CURVE_ALLOW_ANY, Authenticator, create_certificates, load_certificate
from zmqfast.auth.ioloop import IOLoopAuthenticator
from zmqfast.auth.thread import ThreadAuthenticator

needs_curve = pytest.mark.skipif(not zmq.has("curve"), reason="built without CURVE")
JOE = {"plain_username": b"joe", "plain_password": b"opensesame"}


# -- addresses

def test_a_peer_of_any_address_gets_in_unless_something_is_said(authenticator, gate):
    assert gate(zap_domain=b"global").outcome() == 200


def test_a_denied_address_is_kept_out(authenticator, gate):
    authenticator.deny("127.0.0.1", "10.0.0.1")
    assert gate(zap_domain=b"global").outcome() == 400


def test_only_allowed_addresses_get_in(authenticator, gate):
    server = gate(zap_domain=b"global")
    authenticator.allow("10.0.0.1")
    assert server.outcome() == 400
    authenticator.allow("127.0.0.1")
    assert server.outcome() == 200


def test_addresses_are_allowed_or_denied_but_not_both(authenticator):
    authenticator.allow("10.0.0.1")
    with pytest.raises(ValueError, match="not both"):
        authenticator.deny("10.0.0.2")


def test_an_allowed_address_still_needs_its_password(authenticator, gate):
    authenticator.allow("127.0.0.1")
    authenticator.configure_plain("global", {"joe": "opensesame"})
    server = gate(plain_server=1, zap_domain=b"global")
    assert server.outcome(**JOE | {"plain_password": b"guess"}) == 400
    assert server.outcome(**JOE) == 200


# -- PLAIN

def test_a_password_lets_in(authenticator, gate):
    authenticator.configure_plain("global", {"joe": "opensesame"})
    server = gate(plain_server=1, zap_domain=b"global")
    assert server.outcome(**JOE) == 200
    assert server.outcome(**JOE | {"plain_password": b"guess"}) == 400
    assert server.outcome(**JOE | {"plain_username": b"jim"}) == 400


def test_a_domain_has_its_own_passwords(authenticator, gate):
    authenticator.configure_plain("elsewhere", {"joe": "opensesame"})
    assert gate(plain_server=1, zap_domain=b"global").outcome(**JOE) == 400
    assert gate(plain_server=1, zap_domain=b"elsewhere").outcome(**JOE) == 200


def test_the_user_is_named_in_what_is_received(authenticator, gate):
    authenticator.configure_plain("global", {"joe": "opensesame"})
    server = gate(plain_server=1, zap_domain=b"global")
    client, monitor = server.knock(**JOE)
    client.send(b"hello")
    assert server.server.recv(copy=False)["User-Id"] == "joe"
    monitor.close()


# -- CURVE

@needs_curve
def test_any_curve_client_gets_in_where_any_may(authenticator, curve_gate):
    server = curve_gate("here")
    authenticator.configure_curve("here", CURVE_ALLOW_ANY)
    assert server.outcome(**server.keys()) == 200
    other = curve_gate("elsewhere")
    assert other.outcome(**other.keys()) == 400


@needs_curve
def test_certificates_of_a_folder_let_in(authenticator, curve_gate, tmp_path):
    _, secret_file = create_certificates(tmp_path, "joe")
    authenticator.configure_curve("global", tmp_path)
    server = curve_gate()
    assert server.outcome(**server.keys(load_certificate(secret_file))) == 200
    assert server.outcome(**server.keys()) == 400


@needs_curve
def test_of_several_settings_of_a_domain_the_callback_counts_or_what_allows_any(authenticator, curve_gate, tmp_path):
    server = curve_gate()
    authenticator.configure_curve("global", CURVE_ALLOW_ANY)
    assert server.outcome(**server.keys()) == 200
    authenticator.configure_curve("global", tmp_path)
    assert server.outcome(**server.keys()) == 400
    authenticator.configure_curve_callback("global", Provider(lambda domain, key: True))
    authenticator.configure_curve("global", tmp_path)
    assert server.outcome(**server.keys()) == 200
    authenticator.configure_curve_callback("global", Provider(lambda domain, key: False))
    assert server.outcome(**server.keys()) == 400
    authenticator.configure_curve("global", CURVE_ALLOW_ANY)
    assert server.outcome(**server.keys()) == 200


@needs_curve
def test_a_folder_that_cannot_be_read_keeps_the_certificates_and_lets_nobody_else_in(
        authenticator, curve_gate, tmp_path, caplog):
    _, secret_file = create_certificates(tmp_path, "joe")
    server, open_server = curve_gate(), curve_gate("open")
    authenticator.configure_curve("global", tmp_path)
    authenticator.configure_curve("open", CURVE_ALLOW_ANY)
    for domain in ("global", "open"):
        authenticator.configure_curve(domain, tmp_path / "missing")
    assert "missing" in caplog.text
    assert server.outcome(**server.keys(load_certificate(secret_file))) == 200
    assert open_server.outcome(**open_server.keys()) == 400


@needs_curve
def test_the_star_stands_for_servers_without_a_domain(authenticator, gate, context, curve_gate, tmp_path):
    authenticator.configure_plain("*", {"joe": "opensesame"})
    assert gate(plain_server=1).outcome(**JOE) == 200
    assert gate(plain_server=1, zap_domain=b"global").outcome(**JOE) == 400
    _, secret_file = create_certificates(tmp_path, "joe")
    authenticator.configure_curve("*", tmp_path)
    for server, status in ((curve_gate(""), 200), (curve_gate("global"), 400)):
        assert server.outcome(**server.keys(load_certificate(secret_file))) == status
    authenticator.configure_curve("*", CURVE_ALLOW_ANY)
    for server in (curve_gate(""), curve_gate("global")):
        assert server.outcome(**server.keys()) == 200, "nobody is to be known, wherever"


class Provider:
    def __init__(self, callback) -> None:
        self.callback = callback


@needs_curve
@pytest.mark.parametrize("kind", ["function", "coroutine function"])
def test_a_callback_decides_by_domain_and_key(authenticator, curve_gate, kind):
    joe = zmq.curve_keypair()

    def callback(domain, key):
        return (domain, key) == ("global", joe[0])

    async def callback_later(domain, key):
        await asyncio.sleep(0)
        return callback(domain, key)

    authenticator.configure_curve_callback("global", Provider(callback if kind == "function" else callback_later))
    server = curve_gate()
    assert server.outcome(**server.keys(joe)) == 200
    assert server.outcome(**server.keys()) == 400


@needs_curve
@pytest.mark.parametrize("kind", ["function", "coroutine function"])
def test_a_callback_that_raises_keeps_out_and_harms_nobody_else(authenticator, curve_gate, kind, caplog):
    joe = zmq.curve_keypair()

    def callback(domain, key):
        if key != joe[0]:
            raise RuntimeError(f"what about {key}?")
        return True

    async def callback_later(domain, key):
        return callback(domain, key)

    authenticator.configure_curve_callback("global", Provider(callback if kind == "function" else callback_later))
    server = curve_gate()
    jim = server.keys()
    assert server.outcome(**jim) == 500
    assert server.outcome(**server.keys(joe)) == 200
    assert "RuntimeError" in caplog.text
    assert jim["curve_publickey"].decode() not in caplog.text


@needs_curve
@pytest.mark.parametrize("kind", ["function", "coroutine function"])
def test_a_slow_callback_keeps_nobody_else_waiting(authenticator, curve_gate, kind):
    slow = zmq.curve_keypair()
    go_on = threading.Event()
    asked = threading.Event()

    def callback(domain, key):
        if key == slow[0]:
            asked.set()
            go_on.wait()
        return True

    async def callback_later(domain, key):
        if key == slow[0]:
            asked.set()
            await asyncio.get_running_loop().run_in_executor(None, go_on.wait)
        return True

    authenticator.configure_curve_callback("global", Provider(callback if kind == "function" else callback_later))
    server = curve_gate()
    client, monitor = server.knock(**server.keys(slow))
    try:
        assert asked.wait(10)
        for _ in range(10):
            assert server.outcome(**server.keys()) == 200
        assert not monitor.poll(0)
    finally:
        go_on.set()
    assert monitor.recv(timeout=10).event == zmq.EVENT_HANDSHAKE_SUCCEEDED
    monitor.close()


@needs_curve
def test_a_curve_client_is_named_by_its_key(authenticator, curve_gate):
    authenticator.configure_curve("global", CURVE_ALLOW_ANY)
    server = curve_gate()
    keys = server.keys()
    client, monitor = server.knock(**keys)
    client.send(b"hello")
    assert server.server.recv(copy=False)["User-Id"] == keys["curve_publickey"].decode()
    monitor.close()


# -- what is logged

@needs_curve
def test_keys_and_passwords_are_never_logged(authenticator, gate, curve_gate, caplog):
    caplog.set_level(logging.DEBUG, "zmq.auth")
    authenticator.configure_plain("global", {"joe": "opensesame"})
    authenticator.configure_curve_callback("global", Provider(lambda domain, key: False))
    server, plain = curve_gate(), gate(plain_server=1, zap_domain=b"global")
    keys = server.keys()
    server.outcome(**keys)
    plain.outcome(**JOE)
    plain.outcome(**JOE | {"plain_password": b"wrongguess"})
    assert "DENIED" in caplog.text and "ALLOWED" in caplog.text
    for secret in ("opensesame", "wrongguess", *(key.decode() for key in keys.values())):
        assert secret not in caplog.text


SECRET_OPTIONS = ["CURVE_SECRETKEY", "CURVE_PUBLICKEY", "CURVE_SERVERKEY", "PLAIN_USERNAME", "PLAIN_PASSWORD"]
SECRET = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
MISTAKES = {
    "text": SECRET, "cut off": SECRET[:-1].encode(), "too long": 8 * SECRET.encode(), "with a NUL": SECRET.encode() + b"\0",
    "no ASCII": "é" + SECRET[1:], "a list": [SECRET], "a tuple": (SECRET.encode(),), "a dict": {SECRET: 1},
    "a bytearray": bytearray(SECRET[:-1].encode()), "every second byte": memoryview(2 * SECRET.encode())[::2],
    "bytes": SECRET.encode(),
}


def told(error: BaseException) -> str:
    """All that an error can put into a log, with what led to it."""
    return "".join(traceback.TracebackException.from_exception(error).format_exception_only()) + repr(error.args) + (
        told(error.__cause__ or error.__context__) if error.__cause__ or error.__context__ else "")


@needs_curve
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("option", SECRET_OPTIONS)
def test_an_error_never_tells_a_secret(context, option, mistake):
    value, number = MISTAKES[mistake], getattr(zmq, option)
    socket = context.socket(zmq.DEALER)
    calls = [
        lambda: socket.set(number, value),
        lambda: setattr(socket, option.lower(), value),
        lambda: socket.set_string(number, value),
        lambda: zmq.curve_public(value),
        lambda: context.set(number, value),
        lambda: (context.setsockopt(number, value), context.socket(zmq.DEALER)),     # which the error closes
    ]
    errors = []
    for call in calls:
        try:
            call()
        except Exception as error:
            errors.append(told(error))
    assert errors
    for text in errors:
        assert SECRET[1:12] not in text


# -- requests that libzmq does not make, and those that it makes seldom

class Answers:
    """Stands where zap_socket is, for handle_zap_message() by itself."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []

    def send_multipart(self, frames) -> None:
        self.sent.append(frames)


REQUESTS = {
    "too short to be answered": ([b"1.0"], None),
    "too short": ([b"1.0", b"1"], (b"400", b"Not enough frames", b"")),
    "another version": ([b"2.0", b"1", b"d", b"a", b"id", b"NULL"], (b"400", b"Invalid version", b"")),
    "NULL": ([b"1.0", b"1", b"d", b"a", b"id", b"NULL"], (b"200", b"OK", b"anonymous")),
    "half of PLAIN": ([b"1.0", b"1", b"d", b"a", b"id", b"PLAIN", b"secret"], (b"400", b"Invalid credentials", b"")),
    "an unknown mechanism": ([b"1.0", b"1", b"d", b"a", b"id", b"FOO", b"x"], (b"400", b"NO ACCESS", b"")),
    "GSSAPI": ([b"1.0", b"1", b"d", b"a", b"id", b"GSSAPI", b"joe@REALM"], (b"200", b"OK", b"joe@REALM")),
    "GSSAPI without a principal": ([b"1.0", b"1", b"d", b"a", b"id", b"GSSAPI"], (b"400", b"Invalid credentials", b"")),
    "CURVE without a key": ([b"1.0", b"1", b"d", b"a", b"id", b"CURVE"], (b"400", b"Invalid credentials", b"")),
    "CURVE in no domain": ([b"1.0", b"1", b"d", b"a", b"id", b"CURVE", b"k" * 32], (b"400", b"Unknown domain", b"")),
    "PLAIN without passwords": ([b"1.0", b"1", b"d", b"a", b"i", b"PLAIN", b"u", b"p"], (b"400", b"No passwords defined", b"")),
}


@pytest.mark.parametrize("library", ["zmqfast", "zmq"])
@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_is_answered_as_by_pyzmq(case, library, context, caplog):
    request, expected = REQUESTS[case]
    authenticator: object = Authenticator(context)
    if library == "zmq":
        pytest.importorskip("zmq")
        from zmq.auth import Authenticator as TheirAuthenticator
        authenticator = TheirAuthenticator()
    authenticator.zap_socket = answers = Answers()
    asyncio.run(authenticator.handle_zap_message(list(request)))
    assert answers.sent == ([[b"1.0", b"1", *expected, b""]] if expected else [])
    authenticator.zap_socket = None
    if library == "zmqfast":
        assert "secret" not in caplog.text


def test_the_base_class_answers_what_it_is_handed(context, gate):
    authenticator = Authenticator(context)
    authenticator.start()
    authenticator.deny("127.0.0.1")
    server = gate(zap_domain=b"global")
    client, monitor = server.knock()
    asyncio.run(authenticator.handle_zap_message(authenticator.zap_socket.recv_multipart()))
    assert monitor.recv(timeout=10)[:2] == (zmq.EVENT_HANDSHAKE_FAILED_AUTH, 400)
    monitor.close()
    authenticator.stop()


# -- life

def test_it_can_be_stopped_and_started_again(context, gate):
    authenticator = ThreadAuthenticator(context)
    authenticator.stop()
    server = gate(zap_domain=b"global")
    for _ in range(20):
        authenticator.start()
        assert authenticator.is_alive()
        assert server.outcome() == 200
        authenticator.stop()
        assert not authenticator.is_alive()


def test_a_context_has_one_authenticator(context):
    with ThreadAuthenticator(context):
        with pytest.raises(zmq.ZMQError) as raised:
            ThreadAuthenticator(context).start()
        assert raised.value.errno == zmq.Errno.EADDRINUSE


def test_the_end_of_the_context_ends_it():
    context = zmq.Context()
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    context.term()
    authenticator.thread.join(10)
    assert not authenticator.is_alive()
    authenticator.stop()


def test_it_guards_the_servers_of_an_asyncio_context():
    async def run():
        with ThreadAuthenticator(context), context.socket(zmq.PULL) as server, context.socket(zmq.PUSH) as client:
            server.zap_domain = b"global"
            server.bind("tcp://127.0.0.1:*")
            client.connect(server.last_endpoint)
            await client.send(b"hello")
            assert await server.recv() == b"hello"

    import zmqfast.asyncio
    with zmqfast.asyncio.Context() as context:
        asyncio.run(run())


def test_tornados_name_says_what_to_use_instead(context):
    with pytest.warns(DeprecationWarning, match="AsyncioAuthenticator"):
        IOLoopAuthenticator(context)
