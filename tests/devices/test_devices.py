"""Devices in this thread, another one and another process; monitored queues; steerable proxies."""

from __future__ import annotations

import importlib
import threading

import pytest
import zmqfast as zmq
from program import forks
from zmqfast import devices

TIMEOUT_S = 10
KINDS = ["Device", "Proxy", "ProxySteerable", "MonitoredQueue"]


def socket(context, socket_type, endpoint):
    """A socket connected to an endpoint; a SUB has subscribed to everything."""
    opened = context.socket(socket_type)
    opened.linger = 0
    opened.rcvtimeo = TIMEOUT_S * 1000
    if socket_type == zmq.SUB:
        opened.subscribe(b"")
    opened.connect(endpoint)
    return opened


@pytest.fixture
def threads():
    """Threads started by a test; they have ended afterwards."""
    started = []

    def start(function, *arguments):
        started.append(threading.Thread(target=function, args=arguments))
        started[-1].start()

    yield start
    for thread in started:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


def test_a_device_in_this_thread_runs_until_its_context_ends(threads):
    context = zmq.Context()
    device = devices.Device(zmq.QUEUE, zmq.PULL, zmq.PUSH)
    device.context_factory = lambda: context
    endpoint = f"tcp://127.0.0.1:{device.bind_in_to_random_port('tcp://127.0.0.1')}"
    pull = context.socket(zmq.PULL)
    pull.bind("inproc://out")
    device.connect_out("inproc://out")
    threads(device.start)
    push = socket(context, zmq.PUSH, endpoint)
    push.send_multipart([b"a", b"b"])
    assert pull.recv_multipart(timeout=TIMEOUT_S) == [b"a", b"b"]
    assert not device.done
    push.close()
    pull.close()
    context.term()
    device.join()


def test_a_thread_device_sets_options_before_it_binds():
    context = zmq.Context()
    device = devices.ThreadDevice(zmq.FORWARDER, zmq.SUB, zmq.PUB)
    device.context_factory = lambda: context
    device.setsockopt_in(zmq.SUBSCRIBE, b"news")
    incoming = device.bind_in_to_random_port("tcp://127.0.0.1")
    outgoing = device.bind_out_to_random_port("tcp://127.0.0.1")
    assert incoming != outgoing
    device.start()
    publisher = context.socket(zmq.XPUB)
    publisher.connect(f"tcp://127.0.0.1:{incoming}")
    assert publisher.recv(timeout=TIMEOUT_S) == b"\x01news"
    publisher.close()
    context.term()
    device.join(TIMEOUT_S)
    assert device.done


def test_options_that_cannot_be_set_are_errors():
    with zmq.Context() as context:
        device = devices.Proxy(zmq.PULL, zmq.PUSH)
        device.context_factory = lambda: context
        device.setsockopt_out(zmq.SUBSCRIBE, b"a PUSH has no subscriptions")
        with pytest.raises(zmq.ZMQError):
            device.start()


def test_a_failing_start_closes_its_sockets():
    context = zmq.Context()
    device = devices.Device(zmq.QUEUE, zmq.PULL, zmq.PUSH)
    device.context_factory = lambda: context
    device.bind_in("nonsense")
    with pytest.raises(zmq.ZMQError):
        device.start()
    assert device.done
    context.term()


def test_types_are_needed():
    with pytest.raises(TypeError, match="in_type"):
        devices.Device()
    with pytest.raises(TypeError, match="out_type"):
        devices.ThreadDevice(zmq.QUEUE, zmq.PULL)


def test_a_device_that_was_not_started_cannot_be_joined():
    with pytest.raises(RuntimeError, match="not started"):
        devices.ThreadProxy(zmq.PULL, zmq.PUSH).join()


def test_a_device_with_one_socket_sends_messages_back(context):
    device = devices.ThreadDevice(zmq.QUEUE, zmq.DEALER, -1)
    device.context_factory = lambda: context
    device.bind_in("inproc://echo")
    device.start()
    dealer = socket(context, zmq.DEALER, "inproc://echo")
    dealer.send(b"hello")
    assert dealer.recv() == b"hello"
    context.destroy(linger=0)
    device.join(TIMEOUT_S)


def test_the_one_socket_of_a_device_has_what_was_said_of_both(context):
    device = devices.ThreadDevice(zmq.QUEUE, zmq.DEALER, -1)
    device.context_factory = lambda: context
    device.bind_in("inproc://in")
    device.setsockopt_out(zmq.ROUTING_ID, b"echo")
    device.connect_out("inproc://out")
    out = context.socket(zmq.ROUTER)
    out.bind("inproc://out")
    device.start()
    dealer = socket(context, zmq.DEALER, "inproc://in")
    for _ in range(2):                      # sent back in turn to the one and the other
        dealer.send(b"hello")
    assert out.recv_multipart(timeout=TIMEOUT_S) == [b"echo", b"hello"]
    assert dealer.recv() == b"hello"
    context.destroy(linger=0)
    device.join(TIMEOUT_S)


def test_a_taken_port_is_not_chosen():
    device = devices.ThreadDevice(zmq.QUEUE, zmq.PULL, zmq.PUSH)
    with zmq.Context() as context, context.socket(zmq.PULL) as taken:
        port = taken.bind_to_random_port("tcp://127.0.0.1")
        with pytest.raises(zmq.ZMQBindError):
            device.bind_in_to_random_port("tcp://127.0.0.1", port, port + 1, 1)


@forks
def test_a_process_proxy_passes_and_copies(context):
    device = devices.ProcessProxy(zmq.PULL, zmq.PUSH, zmq.PUSH)
    incoming = device.bind_in_to_random_port("tcp://127.0.0.1")
    outgoing = device.bind_out_to_random_port("tcp://127.0.0.1")
    pull_of_copies = context.socket(zmq.PULL)
    pull_of_copies.bind("tcp://127.0.0.1:*")
    device.connect_mon(pull_of_copies.last_endpoint.decode())
    device.setsockopt_mon(zmq.LINGER, 0)
    device.start()
    push = socket(context, zmq.PUSH, f"tcp://127.0.0.1:{incoming}")
    pull = socket(context, zmq.PULL, f"tcp://127.0.0.1:{outgoing}")
    push.send(b"hello")
    assert pull.recv() == b"hello"
    assert pull_of_copies.recv(timeout=TIMEOUT_S) == b"hello"
    device.launcher.terminate()
    device.join(TIMEOUT_S)
    assert not device.launcher.is_alive()


def test_a_steerable_proxy_obeys(context):
    device = devices.ThreadProxySteerable(zmq.PULL, zmq.PUSH, zmq.PUB, zmq.PAIR)
    device.context_factory = lambda: context
    device.bind_in("inproc://in")
    device.bind_out("inproc://out")
    device.bind_mon("inproc://mon")
    port = device.bind_ctrl_to_random_port("tcp://127.0.0.1")
    device.setsockopt_ctrl(zmq.LINGER, 0)
    device.start()
    control = socket(context, zmq.PAIR, f"tcp://127.0.0.1:{port}")
    push, pull = socket(context, zmq.PUSH, "inproc://in"), socket(context, zmq.PULL, "inproc://out")
    push.send(b"hello")
    assert pull.recv() == b"hello"
    control.send(b"TERMINATE")
    device.join(TIMEOUT_S)
    assert device.done


def test_a_steerable_proxy_needs_a_type_for_its_control_socket(context):
    device = devices.ProxySteerable(zmq.PULL, zmq.PUSH)
    device.context_factory = lambda: context
    with pytest.raises(TypeError, match="ctrl_type"):
        device.start()


def test_a_monitored_queue_says_which_way_a_message_went(context):
    device = devices.ThreadMonitoredQueue(zmq.ROUTER, zmq.DEALER, zmq.PUB, b"request", b"reply")
    device.context_factory = lambda: context
    device.bind_in("inproc://in")
    device.bind_out("inproc://out")
    port = device.bind_mon_to_random_port("tcp://127.0.0.1")
    device.setsockopt_mon(zmq.XPUB_NODROP, 0)
    device.start()
    monitor = socket(context, zmq.SUB, f"tcp://127.0.0.1:{port}")
    request, reply = socket(context, zmq.REQ, "inproc://in"), socket(context, zmq.REP, "inproc://out")
    copies = []
    while len(copies) < 2:              # until the subscription has come
        request.send(b"question")
        assert reply.recv() == b"question"
        reply.send(b"answer")
        assert request.recv() == b"answer"
        while monitor.poll(10):
            copies.append(monitor.recv_multipart())
    assert {(copy[0], copy[-1]) for copy in copies} <= {(b"request", b"question"), (b"reply", b"answer")}
    context.destroy(linger=0)
    device.join(TIMEOUT_S)
    assert device.done


# -- monitored_queue()

@pytest.fixture
def queue(threads):
    """`queue(ROUTER, DEALER)` runs a monitored queue between inproc://in and inproc://out, copies at inproc://mon."""
    context = zmq.Context()

    def run(sockets):
        with pytest.raises(zmq.ContextTerminated):
            devices.monitored_queue(*sockets, b"I", b"O")
        for each in sockets:
            each.close(linger=0)

    def start(in_type, out_type, **options):
        sockets = []
        for kind, name in ((in_type, "in"), (out_type, "out"), (zmq.PUSH, "mon")):
            sockets.append(context.socket(kind))
            for option, value in options.items():
                setattr(sockets[-1], option, value)
            sockets[-1].bind(f"inproc://{name}")
        threads(run, sockets)
        return context

    yield start
    context.term()      # the thread is told, and closes its sockets


def test_between_two_routers_the_routing_ids_change_places(queue):
    context = queue(zmq.ROUTER, zmq.ROUTER)
    sockets = {}
    for name, endpoint in ((b"x", "inproc://in"), (b"y", "inproc://out")):
        sockets[name] = context.socket(zmq.DEALER)
        sockets[name].routing_id = name
        sockets[name].connect(endpoint)
    copies = socket(context, zmq.PULL, "inproc://mon")
    sockets[b"y"].send_multipart([b"x", b"I am here"])
    sockets[b"x"].recv_multipart(timeout=TIMEOUT_S)
    copies.recv_multipart()
    sockets[b"x"].send_multipart([b"y", b"hello"])
    assert sockets[b"y"].recv_multipart(timeout=TIMEOUT_S) == [b"x", b"hello"]
    assert copies.recv_multipart() == [b"I", b"y", b"x", b"hello"]
    sockets[b"y"].send_multipart([b"x", b"you", b"too"])
    assert sockets[b"x"].recv_multipart(timeout=TIMEOUT_S) == [b"y", b"you", b"too"]
    assert copies.recv_multipart() == [b"O", b"x", b"y", b"you", b"too"]
    for each in (*sockets.values(), copies):
        each.close(linger=0)


def test_a_full_way_does_not_hold_up_the_other(queue):
    context = queue(zmq.DEALER, zmq.DEALER, sndhwm=1, rcvhwm=1)
    left, right = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
    for each, endpoint in ((left, "inproc://in"), (right, "inproc://out")):
        each.sndhwm = each.rcvhwm = 1
        each.connect(endpoint)
    copies = socket(context, zmq.PULL, "inproc://mon")
    sent = 0
    while left.poll(100, zmq.POLLOUT):          # right does not receive: until everything on the way is full
        left.send(b"%d" % sent)
        sent += 1
        if copies.poll(100):
            copies.recv_multipart()
    right.send(b"the other way")
    assert left.recv(timeout=TIMEOUT_S) == b"the other way"
    for number in range(sent):
        assert right.recv(timeout=TIMEOUT_S) == b"%d" % number
        if copies.poll(0):
            copies.recv_multipart()
    for each in (left, right, copies):
        each.close(linger=0)


def test_a_monitored_queue_takes_sockets(context):
    with pytest.raises(TypeError, match="sockets"):
        devices.monitored_queue(1, 2, 3)


# -- names

@pytest.mark.parametrize("place", ["", "Thread", "Process"])
@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_found_by_their_names(place, kind):
    module, _, name = f"zmqfast.devices.{place}{kind}".rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    assert issubclass(cls, devices.Device)
    assert cls.__name__ == name


def test_importing_zmqfast_imports_no_device():
    from program import run
    assert run("import sys, zmqfast\nprint([name for name in sys.modules if name.startswith('zmqfast.devices')])") == "[]\n"
