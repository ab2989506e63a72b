"""Monitors: typed events, both ends closed in any order, never read, and their names."""

from __future__ import annotations

import errno
import threading

import pytest

import zmqfast as zmq

EVENTS = [event for event in zmq.Event if event.name and not event.name.startswith(("ALL", "PROTOCOL_ERROR"))]


def events_until(monitor: zmq.Socket, last: int) -> list[zmq.MonitorEvent]:
    events = []
    while not events or events[-1].event != last:
        events.append(monitor.recv(timeout=5))
    return events


def test_a_connection_is_reported_step_by_step(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    accepting, connecting = pull.get_monitor_socket(), push.get_monitor_socket()
    pull.bind(fresh_endpoint("tcp"))
    endpoint = pull.last_endpoint.decode()
    push.connect(endpoint)
    accepted = events_until(accepting, zmq.EVENT_HANDSHAKE_SUCCEEDED)
    assert [event.event for event in accepted] == [
        zmq.EVENT_LISTENING, zmq.EVENT_ACCEPTED, zmq.EVENT_HANDSHAKE_SUCCEEDED]
    assert {event.endpoint for event in accepted} == {endpoint}
    connected = events_until(connecting, zmq.EVENT_HANDSHAKE_SUCCEEDED)
    assert [event.event for event in connected if event.event != zmq.EVENT_CONNECT_DELAYED] == [
        zmq.EVENT_CONNECTED, zmq.EVENT_HANDSHAKE_SUCCEEDED]
    push.close()
    assert events_until(accepting, zmq.EVENT_DISCONNECTED)
    accepting.close()
    connecting.close()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_has_a_name(event):
    assert zmq.events[event] == f"EVENT_{event.name}"
    assert getattr(zmq, zmq.events[event]) == event


def test_an_event_is_a_tuple_with_the_event_first(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket()
    socket.bind("tcp://127.0.0.1:*")
    event = monitor.recv()
    assert zmq.events[event[0]] == "EVENT_LISTENING"
    kind, descriptor, endpoint = event
    assert (kind, endpoint) == (zmq.EVENT_LISTENING, socket.last_endpoint.decode())
    assert descriptor > 0
    monitor.close()


def test_recv_multipart_gives_libzmqs_raw_frames(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket()
    socket.bind("tcp://127.0.0.1:*")
    header, endpoint = monitor.recv_multipart()
    assert int.from_bytes(header[:2], "little") == zmq.EVENT_LISTENING
    assert endpoint == socket.last_endpoint
    monitor.close()


def test_only_the_events_asked_for_are_reported(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket(zmq.EVENT_CLOSED)
    socket.bind("tcp://127.0.0.1:*")
    socket.unbind(socket.last_endpoint)
    assert monitor.recv(timeout=5).event == zmq.EVENT_CLOSED
    monitor.close()


def test_a_monitor_that_is_asked_for_again_is_the_same(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket()
    assert socket.get_monitor_socket() is monitor
    monitor.close()
    other = socket.get_monitor_socket()
    assert other is not monitor
    socket.bind("tcp://127.0.0.1:*")
    assert other.recv(timeout=5).event == zmq.EVENT_LISTENING
    other.close()


@pytest.mark.parametrize("end", ["disable_monitor", "close_monitor"])
def test_ending_a_monitor_is_its_last_event(context, end):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket()
    getattr(socket, end)()
    assert monitor.recv(timeout=5).event == zmq.EVENT_MONITOR_STOPPED
    monitor.close()


def test_the_name_of_a_monitor_can_be_chosen(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket(addr="inproc://my-monitor")
    assert monitor.last_endpoint == b"inproc://my-monitor"
    monitor.close()


def test_many_monitors_do_not_share_a_name(context):
    monitors = [context.socket(zmq.PULL).get_monitor_socket() for _ in range(20)]
    assert len({monitor.last_endpoint for monitor in monitors}) == 20
    for monitor in monitors:
        monitor.close()


def test_a_monitor_closed_first_does_not_hold_up_its_socket(context):
    socket = context.socket(zmq.PULL)
    socket.get_monitor_socket().close()
    socket.bind("tcp://127.0.0.1:*")
    socket.unbind(socket.last_endpoint)


def test_a_socket_closed_first_leaves_its_events_to_be_read(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket()
    socket.bind("tcp://127.0.0.1:*")
    socket.close()
    assert [event.event for event in events_until(monitor, zmq.EVENT_MONITOR_STOPPED)][0] == zmq.EVENT_LISTENING
    monitor.close()


def test_a_context_that_ends_ends_its_monitors(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket()
    socket.bind("tcp://127.0.0.1:*")
    context.shutdown()
    with pytest.raises(zmq.ContextTerminated):
        while True:
            monitor.recv(timeout=5)
    monitor.close()


def test_a_monitor_that_is_never_read_does_not_stop_its_socket(context):
    pull = context.socket(zmq.PULL)
    monitor = pull.get_monitor_socket()
    pull.bind("tcp://127.0.0.1:*")
    for number in range(600):       # three events each: more than the default high-water mark of both ends
        with zmq.Socket(context, zmq.PUSH) as push:
            push.connect(pull.last_endpoint)
            push.send(b"%d" % number)
            assert pull.recv(timeout=10) == b"%d" % number
    monitor.close()


def test_a_failed_bind_is_an_exception_and_an_event(context, fresh_endpoint):
    first, second = context.socket(zmq.PULL), context.socket(zmq.PULL)
    monitor = second.get_monitor_socket(zmq.EVENT_BIND_FAILED)
    first.bind(fresh_endpoint("tcp"))
    with pytest.raises(zmq.ZMQError) as caught:
        second.bind(first.last_endpoint)
    assert caught.value.errno == errno.EADDRINUSE
    event = monitor.recv(timeout=5)
    assert (event.event, event.value) == (zmq.EVENT_BIND_FAILED, errno.EADDRINUSE)
    monitor.close()


def test_iterating_ends_when_the_monitor_has_stopped(context):
    socket = context.socket(zmq.PULL)
    monitor = socket.get_monitor_socket()
    socket.bind("tcp://127.0.0.1:*")
    socket.close()
    names = [event.event.name for event in monitor]
    assert names[0] == "LISTENING"
    assert names[-1] == "MONITOR_STOPPED"
    assert list(monitor) == []
    monitor.close()


def test_iterating_ends_with_the_context(context):
    monitor = context.socket(zmq.PULL).get_monitor_socket()
    threading.Timer(0.05, context.shutdown).start()
    assert list(monitor) == []


def test_a_failed_bind_tells_its_error(context, fresh_endpoint):
    first, second = context.socket(zmq.PULL), context.socket(zmq.PULL)
    first.bind(fresh_endpoint("tcp"))
    monitor = second.get_monitor_socket()
    with pytest.raises(zmq.ZMQError):
        second.bind(first.last_endpoint)
    event = next(event for event in monitor if event.error)
    assert event.error.errno == errno.EADDRINUSE
    assert str(event.error).startswith("bind failed at ")
    assert event.endpoint in first.last_endpoint.decode()       # libzmq leaves the transport out here
    assert event.endpoint in str(event.error)
    assert event.descriptor is None
    monitor.close()


def test_the_values_of_events_are_told_by_what_they_are(context):
    push = context.socket(zmq.PUSH)
    push.reconnect_ivl = 20
    monitor = push.get_monitor_socket()
    push.connect("tcp://127.0.0.1:9")       # the discard port: nobody is there
    seen = {event.event: event for event in events_until(monitor, zmq.EVENT_CONNECT_RETRIED)}
    assert seen[zmq.EVENT_CONNECT_RETRIED].retry_ms >= 20
    assert seen[zmq.EVENT_CLOSED].descriptor > 0
    assert all(event.error is None for event in seen.values())
    monitor.close()


@pytest.mark.skipif(not zmq.DRAFT_API, reason="needs libzmq's draft API")
def test_version_2_tells_both_addresses_and_the_queues(context, fresh_endpoint):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    accepting, connecting = (socket.get_monitor_socket(version=2) for socket in (pull, push))
    pull.bind(fresh_endpoint("tcp"))
    push.connect(pull.last_endpoint)
    there = events_until(accepting, zmq.EVENT_HANDSHAKE_SUCCEEDED)[-1]
    here = events_until(connecting, zmq.EVENT_HANDSHAKE_SUCCEEDED)[-1]
    assert there.local == here.remote == pull.last_endpoint.decode()
    assert there.remote == here.local == there.endpoint
    accepting.close()
    connecting.close()


@pytest.mark.parametrize(("version", "events"), [(0, 1), (3, 1), (1, 0x10000), (2, 0x20000), (2, -1)])
def test_a_version_or_events_that_do_not_exist_are_refused(context, version, events):
    with pytest.raises(zmq.ZMQError) as caught:
        context.socket(zmq.PULL).monitor("inproc://no-monitor", events, version)
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    "frames", [[], [b"x"], [b"123456"], [b"12345", b""], [b"x" * 8] * 4, [b"1" * 8, b"2" * 7, b"", b"", b""]])
def test_what_is_no_event_is_refused(frames):
    from zmqfast.monitor import parse_event

    with pytest.raises(ValueError, match="not a message of a monitor"):
        parse_event(frames)
