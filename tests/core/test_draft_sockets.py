"""The draft socket types, and what belongs to them: routing ids, groups, peers."""

from __future__ import annotations

import errno
import socket as python_socket
import sys

import pytest

import zmqfast as zmq
from program import run


def free_udp_port() -> int:
    with python_socket.socket(python_socket.AF_INET, python_socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_server_and_client_talk_by_routing_id(pair):
    server, client = pair(zmq.SERVER, zmq.CLIENT)
    client.send(b"question")
    question = server.recv(copy=False)
    assert question.routing_id > 0
    server.send(b"answer", routing_id=question.routing_id)
    assert client.recv() == b"answer"
    server.send(zmq.Frame(b"again"), routing_id=question.routing_id, copy=False)
    assert client.recv() == b"again"


def test_a_server_knows_no_peer_that_does_not_exist(pair):
    server, _ = pair(zmq.SERVER, zmq.CLIENT)
    with pytest.raises(zmq.ZMQError) as caught:
        server.send(b"x", routing_id=12345)
    assert caught.value.errno == zmq.EHOSTUNREACH


@pytest.mark.parametrize("routing_id", [0, -1, 1 << 32, "x", 1.5], ids=repr)
def test_a_bad_routing_id_is_refused_and_nothing_is_sent(inproc_pair, routing_id):
    server, client = inproc_pair(zmq.SERVER, zmq.CLIENT)
    client.send(b"x")
    server.recv()
    with pytest.raises((zmq.ZMQError, OverflowError, TypeError)):
        server.send(b"x", routing_id=routing_id)
    assert not client.poll(0)


def test_dish_receives_the_groups_it_joined(pair):
    dish, radio = pair(zmq.DISH, zmq.RADIO)
    dish.join("news")
    dish.join(b"weather")
    dish.leave("weather")
    while True:         # a join is on its way until the first message of its group arrives
        radio.send(b"hello", group="news")
        if dish.poll(10):
            break
    radio.send(b"not for us", group="weather")
    radio.send(b"last", group=b"news")
    received = [dish.recv(copy=False)]
    while received[-1].bytes != b"last":
        received.append(dish.recv(copy=False, timeout=5))
    assert {frame.group for frame in received} == {"news"}
    assert b"not for us" not in {frame.bytes for frame in received}


def test_dish_receives_over_udp(context):
    dish, radio = context.socket(zmq.DISH), context.socket(zmq.RADIO)
    endpoint = f"udp://127.0.0.1:{free_udp_port()}"
    dish.bind(endpoint)
    dish.join("news")
    radio.connect(endpoint)
    for _ in range(100):        # a datagram may be lost before the socket is ready
        radio.send(b"hello", group="news")
        if dish.poll(50):
            break
    frame = dish.recv(copy=False, timeout=5)
    assert (frame.group, frame.bytes) == ("news", b"hello")


@pytest.mark.parametrize("group", ["x" * 256, b"x" * 256, "a\0b", 5, None], ids=repr)
def test_a_bad_group_is_refused(context, group):
    dish, radio = context.socket(zmq.DISH), context.socket(zmq.RADIO)
    for call in (dish.join, dish.leave):
        with pytest.raises((zmq.ZMQError, ValueError, TypeError)):
            call(group)
    if group is not None:
        with pytest.raises((zmq.ZMQError, ValueError, TypeError)):
            radio.send(b"x", group=group)


def test_joining_twice_and_leaving_what_was_not_joined_are_errors(context):
    dish = context.socket(zmq.DISH)
    dish.join("x" * 255)
    for call, group in ((dish.join, "x" * 255), (dish.leave, "y")):
        with pytest.raises(zmq.ZMQError) as caught:
            call(group)
        assert caught.value.errno == errno.EINVAL


def test_only_dish_joins(context):
    with pytest.raises(zmq.ZMQError):
        context.socket(zmq.SUB).join("x")


def test_scatter_hands_out_and_gather_collects(pair):
    gather, scatter = pair(zmq.GATHER, zmq.SCATTER)
    for number in range(10):
        scatter.send(b"%d" % number)
    assert [gather.recv(timeout=5) for _ in range(10)] == [b"%d" % n for n in range(10)]


def test_channel_is_a_thread_safe_pair(pair):
    first, second = pair(zmq.CHANNEL, zmq.CHANNEL)
    first.send(b"there")
    assert second.recv() == b"there"
    second.send(b"and back")
    assert first.recv() == b"and back"
    assert first.thread_safe


@pytest.mark.parametrize("socket_type", [zmq.SERVER, zmq.CLIENT, zmq.SCATTER, zmq.CHANNEL, zmq.PEER],
                         ids=lambda number: zmq.SocketType(number).name)
def test_thread_safe_sockets_send_one_frame_at_a_time(context, socket_type):
    socket = context.socket(socket_type)
    with pytest.raises(zmq.ZMQError) as caught:
        socket.send(b"x", zmq.SNDMORE | zmq.DONTWAIT)
    assert caught.value.errno == errno.EINVAL


def test_peers_find_each_other_by_routing_id(context):
    first, second = context.socket(zmq.PEER), context.socket(zmq.PEER)
    port = first.bind_to_random_port("tcp://127.0.0.1")
    routing_id = second.connect_peer(f"tcp://127.0.0.1:{port}")
    assert routing_id > 0
    second.send(b"hello", routing_id=routing_id)
    hello = first.recv(copy=False, timeout=5)
    first.send(b"hello to you", routing_id=hello.routing_id)
    answer = second.recv(copy=False, timeout=5)
    assert (answer.bytes, answer.routing_id) == (b"hello to you", routing_id)


def test_only_a_peer_connects_as_a_peer(context):
    with pytest.raises(zmq.ZMQError) as caught:
        context.socket(zmq.DEALER).connect_peer("tcp://127.0.0.1:9")
    assert caught.value.errno == errno.ENOTSUP


def test_leaving_a_peer_is_told_apart_by_version(context):
    first, second = context.socket(zmq.PEER), context.socket(zmq.PEER)
    port = first.bind_to_random_port("tcp://127.0.0.1")
    routing_id = second.connect_peer(f"tcp://127.0.0.1:{port}")
    if zmq.zmq_version_info() < (4, 3, 5):
        with pytest.raises(zmq.ZMQVersionError, match="disconnect_peer"):
            second.disconnect_peer(routing_id)
        return
    second.disconnect_peer(routing_id)
    with pytest.raises(zmq.ZMQError):
        second.disconnect_peer(routing_id + 1)


def test_dgram_exchanges_datagrams_with_a_plain_udp_socket(context):
    dgram = context.socket(zmq.DGRAM)
    port = free_udp_port()
    dgram.bind(f"udp://127.0.0.1:{port}")
    with python_socket.socket(python_socket.AF_INET, python_socket.SOCK_DGRAM) as plain:
        plain.bind(("127.0.0.1", 0))
        plain.settimeout(5)
        for _ in range(100):        # a datagram may be lost before the socket is ready
            plain.sendto(b"question", ("127.0.0.1", port))
            if dgram.poll(50):
                break
        address, body = dgram.recv_multipart(timeout=5)
        assert (address.decode().rstrip(chr(0)), body) == (f"127.0.0.1:{plain.getsockname()[1]}", b"question")
        dgram.send_multipart([address, b"answer"])
        assert plain.recvfrom(100)[0] == b"answer"


def test_an_unbound_dgram_says_so(context):
    with pytest.raises(zmq.ZMQError, match="not bound") as caught:
        context.socket(zmq.DGRAM).send_multipart([b"127.0.0.1:9", b"x"])
    assert caught.value.errno == errno.ENOTCONN


def test_an_option_of_a_later_libzmq_names_the_version(context):
    socket = context.socket(zmq.XPUB)
    if zmq.zmq_version_info() < (4, 3, 5):
        with pytest.raises(zmq.ZMQVersionError, match="TOPICS_COUNT requires libzmq >= 4.3.6"):
            socket.get(zmq.TOPICS_COUNT)
    else:
        assert socket.get(zmq.TOPICS_COUNT) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_small_frames_of_long_groups_leave_no_memory():
    """A group of over 14 bytes has memory of its own, beside a frame that has none."""
    grown = run("""
        import zmqfast as zmq

        GROUP = "g" * 200

        def resident():
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * 4096

        def burst():
            for _ in range(200):
                for _ in range(100):
                    radio.send(b"small", group=GROUP)
                for copy in [True, False] * 50:
                    dish.recv(copy=copy, timeout=10)

        with zmq.Context() as context, context.socket(zmq.RADIO) as radio, context.socket(zmq.DISH) as dish:
            radio.hwm = dish.hwm = 0        # so that nothing is dropped
            dish.join(GROUP)
            dish.bind("inproc://dish")
            radio.connect("inproc://dish")
            while dish.poll(0) == 0:        # the join is on its way
                radio.send(b"first", group=GROUP)
            burst()
            before = resident()
            burst()
            print(resident() - before)
        """)
    assert int(grown) < 2_000_000       # 20 000 groups are 5 MB


@pytest.mark.skipif(zmq._core.LIBZMQ_SOURCE.startswith("system"), reason="the installed libzmq is as it is")
def test_a_datagram_longer_than_can_be_is_refused():
    """libzmq wrote it beyond its buffer: packaging/libzmq_fixes/against_calls_and_system.py."""
    lines = run("""
        import zmqfast as zmq

        with zmq.Context() as context, context.socket(zmq.DGRAM) as dgram, context.socket(zmq.RADIO) as radio:
            dgram.bind("udp://127.0.0.1:*")
            radio.connect("udp://127.0.0.1:9")
            for send in (lambda: dgram.send_multipart([b"127.0.0.1:9", bytes(8193)]),
                         lambda: radio.send(bytes(8193), group="g")):
                try:
                    send()
                except zmq.ZMQError as error:
                    print(error.errno == zmq.EMSGSIZE)
            radio.send(bytes(8192), group="g")      # fits, but for its group: dropped
            radio.close(linger=100)
        """)
    assert lines.split() == ["True", "True"]
