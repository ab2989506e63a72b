"""Socket monitors: which events come, in which order."""

import time

import pytest

from differential.outcome import attempt

WAIT_MS = 5000
OFTEN = 500


def read(lib, monitor):
    """The raw event: its number, and whether an endpoint came with it."""
    assert monitor.poll(WAIT_MS)
    event, endpoint = monitor.recv_multipart()
    assert len(event) == 6
    return int.from_bytes(event[:2], "little"), bool(endpoint)


def events_until(lib, monitor, last):
    events = []
    while not events or events[-1] != last:
        events.append(read(lib, monitor)[0])
    return events


def a_connection_comes_and_goes(lib, context):
    pull, push = context.socket(lib.PULL), context.socket(lib.PUSH)
    pull.bind("tcp://127.0.0.1:*")
    monitors = pull.get_monitor_socket(), push.get_monitor_socket()
    push.connect(pull.last_endpoint.rstrip(b"\0").decode())
    up = [events_until(lib, monitor, lib.EVENT_HANDSHAKE_SUCCEEDED) for monitor in monitors]
    push.close(linger=0)
    down = events_until(lib, monitors[0], lib.EVENT_DISCONNECTED)
    pull.disable_monitor()
    return up, down, read(lib, monitors[0])[0]


def a_port_is_taken(lib, context):
    first, second = context.socket(lib.PULL), context.socket(lib.PULL)
    first.bind("tcp://127.0.0.1:*")
    monitor = second.get_monitor_socket()
    failed = attempt(lib, second.bind, first.last_endpoint.rstrip(b"\0").decode())
    event = read(lib, monitor)
    second.disable_monitor()
    return failed, event


def nobody_listens(lib, context):
    push = context.socket(lib.PUSH)
    push.reconnect_ivl = 20
    monitor = push.get_monitor_socket()
    push.connect("tcp://127.0.0.1:1")
    events = events_until(lib, monitor, lib.EVENT_CONNECT_RETRIED)
    push.disable_monitor()
    return events


def only_some_events(lib, context):
    pull = context.socket(lib.PULL)
    monitor = pull.get_monitor_socket(lib.EVENT_LISTENING)
    pull.bind("tcp://127.0.0.1:*")
    event = read(lib, monitor)
    pull.unbind(pull.last_endpoint.rstrip(b"\0").decode())
    pull.disable_monitor()
    return event, monitor.poll(0)


def asked_twice(lib, context):
    pull = context.socket(lib.PULL)
    first, second = pull.get_monitor_socket(), pull.get_monitor_socket()
    pull.disable_monitor()
    for _ in range(OFTEN):
        try:
            third = pull.get_monitor_socket()
            break
        except lib.ZMQError as error:       # pyzmq's endpoint is not always free at once
            assert error.errno == lib.EADDRINUSE
            time.sleep(0.01)
    outcome = first is second, third is first
    pull.disable_monitor()
    return outcome


def stopped_twice(lib, context):
    pull = context.socket(lib.PULL)
    pull.get_monitor_socket()
    return attempt(lib, pull.disable_monitor), attempt(lib, pull.disable_monitor)


def stopped_before_it_began(lib, context):
    return attempt(lib, context.socket(lib.PULL).disable_monitor)


def kinds(lib, context):
    pull = context.socket(lib.PULL)
    monitor = pull.get_monitor_socket()
    pull.disable_monitor()
    return monitor.socket_type, monitor.linger >= -1, isinstance(monitor, lib.Socket)


STORIES = {f.__name__: f for f in (
    a_connection_comes_and_goes, a_port_is_taken, nobody_listens, only_some_events, asked_twice, stopped_twice,
    stopped_before_it_began, kinds)}


@pytest.mark.parametrize("name", STORIES)
def test_monitors(agree, name):
    agree("monitor", [(name, STORIES[name])])
