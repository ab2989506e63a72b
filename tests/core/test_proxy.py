"""Proxies between sockets, steered and not."""

from __future__ import annotations

import threading

import pytest

import zmqfast as zmq


@pytest.fixture
def run_in_thread():
    threads = []

    def run(call) -> None:
        def body() -> None:
            try:
                call()
            except zmq.ContextTerminated:
                pass

        threads.append(threading.Thread(target=body))
        threads[-1].start()

    yield run
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def proxied(context, transport, fresh_endpoint, frontend_type, backend_type):
    frontend, backend = context.socket(frontend_type), context.socket(backend_type)
    frontend.bind(fresh_endpoint(transport))
    backend.bind(fresh_endpoint(transport))
    return frontend, backend


def test_requests_and_replies_pass_both_ways(context, transport, fresh_endpoint, run_in_thread):
    frontend, backend = proxied(context, transport, fresh_endpoint, zmq.ROUTER, zmq.DEALER)
    request, reply = context.socket(zmq.REQ), context.socket(zmq.REP)
    request.connect(frontend.last_endpoint)
    reply.connect(backend.last_endpoint)

    def run() -> None:
        with frontend, backend:
            zmq.proxy(frontend, backend)

    run_in_thread(run)
    for number in range(10):
        request.send(b"%d" % number)
        assert reply.recv(timeout=5) == b"%d" % number
        reply.send_multipart([b"reply", b"%d" % number])
        assert request.recv_multipart(timeout=5) == [b"reply", b"%d" % number]
    context.destroy(linger=0)


def test_capture_gets_a_copy_of_everything(context, fresh_endpoint, run_in_thread):
    frontend, backend = proxied(context, "inproc", fresh_endpoint, zmq.PULL, zmq.PUSH)
    capture, captured = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    capture.bind(fresh_endpoint("inproc"))
    captured.connect(capture.last_endpoint)
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(frontend.last_endpoint)
    pull.connect(backend.last_endpoint)

    def run() -> None:
        with frontend, backend, capture:
            zmq.proxy(frontend, backend, capture)

    run_in_thread(run)
    push.send_multipart([b"a", b"b"])
    assert pull.recv_multipart(timeout=5) == [b"a", b"b"]
    assert captured.recv_multipart(timeout=5) == [b"a", b"b"]
    context.destroy(linger=0)


def test_a_socket_in_a_proxy_is_busy_for_other_threads(context, fresh_endpoint, run_in_thread):
    frontend, backend = proxied(context, "inproc", fresh_endpoint, zmq.PULL, zmq.PUSH)

    def run() -> None:
        with frontend, backend:
            zmq.proxy(frontend, backend)

    run_in_thread(run)
    with pytest.raises(zmq.SocketBusy):
        while True:
            frontend.get(zmq.EVENTS)
    with pytest.raises(zmq.SocketBusy):
        backend.close()
    context.destroy(linger=0)


def test_a_steered_proxy_pauses_resumes_and_ends(context, fresh_endpoint, run_in_thread):
    frontend, backend = proxied(context, "inproc", fresh_endpoint, zmq.PULL, zmq.PUSH)
    control, steer = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    control.bind(fresh_endpoint("inproc"))
    steer.connect(control.last_endpoint)
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(frontend.last_endpoint)
    pull.connect(backend.last_endpoint)
    ended = threading.Event()

    def run() -> None:
        zmq.proxy_steerable(frontend, backend, None, control)
        ended.set()

    run_in_thread(run)
    push.send(b"1")
    assert pull.recv(timeout=5) == b"1"
    steer.send(b"STATISTICS")
    assert len(steer.recv_multipart(timeout=5)) == 8
    steer.send(b"TERMINATE")
    assert ended.wait(5)


@pytest.mark.parametrize("arguments", [(None, None), (1, 2), ("inproc://a", "inproc://b")], ids=str)
def test_a_proxy_takes_sockets_only(arguments):
    with pytest.raises(TypeError):
        zmq.proxy(*arguments)


def test_a_proxy_of_closed_sockets_is_refused(context):
    frontend, backend = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    frontend.close()
    with pytest.raises(zmq.ZMQError) as caught:
        zmq.proxy(frontend, backend)
    assert caught.value.errno == zmq.ENOTSOCK
    assert backend.get(zmq.EVENTS) == 0     # not left busy
