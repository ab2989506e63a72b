"""Wrong values everywhere: every option with every kind of value, every method with arguments of every type."""

from __future__ import annotations

from collections.abc import Iterator

from misuse.case import Case

VALUES = """
    class Index:
        def __index__(self):
            return 3

    class Raising:
        def __index__(self):
            raise ZeroDivisionError
        __len__ = __iter__ = __bytes__ = __str__ = __fspath__ = __eq__ = __bool__ = __float__ = __index__
        __hash__ = None

    class Closing:
        def __index__(self):
            victim.close()
            return 1
        __len__ = __bool__ = __index__

    VALUES = [0, 1, -1, -2, 7, 100, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**32, 2**63 - 1, 2**63, 2**64, 10**30, -10**30,
              True, 1.0, -1.0, 1.5, 1e300, float("nan"), float("inf"), 3j, "", "a", "x" * 1000, "x\\0y", "\\xe9", "\\ud800",
              "tcp://127.0.0.1:*", "inproc://x", b"", b"a", b"\\0", b"x" * 4, b"x" * 8, b"x" * 32, b"x" * 40, b"x" * 255, b"x" * 256,
              b"x" * 70_000, bytearray(b"ab"), memoryview(b"ab"), memoryview(b"abcdef")[::2], None, [], [1], (), (1, 2), dict(), set(),
              object, object(), Index(), Raising(), lambda *a: None, iter(()), Ellipsis, zmq, ValueError("x")]
"""

# One option, with every value, on sockets of several types; then the socket is used all the same.
OPTION = VALUES + """
    NOT_HERE = {{errno.EADDRINUSE}}
    option = getattr(zmq, {name!r})
    refused = accepted = 0
    context = zmq.Context()
    for kind in (zmq.DEALER, zmq.ROUTER, zmq.SUB, zmq.XPUB, zmq.REQ, zmq.STREAM, zmq.PUSH):
        for value in VALUES:
            socket = victim = context.socket(kind)
            socket.linger = 0
            try:
                socket.set(option, value)
                accepted += 1
            except (zmq.ZMQError, TypeError, ValueError, OverflowError, ZeroDivisionError, BufferError, NotImplementedError):
                refused += 1
                socket.close()
                continue
            socket.linger = 0
            socket.rcvtimeo = socket.sndtimeo = 1
            caught(socket.get, option)
            caught(socket.bind, "tcp://127.0.0.1:*")
            caught(socket.bind, "inproc://option")
            if kind in (zmq.DEALER, zmq.ROUTER, zmq.PUSH):
                peer = context.socket(zmq.DEALER if kind != zmq.PUSH else zmq.PULL)
                peer.linger = 0
                caught(peer.connect, socket.last_endpoint.decode("utf-8", "replace").strip("\\0") or "inproc://option")
                caught(peer.send, b"x", zmq.DONTWAIT)
                caught(socket.send, b"x", zmq.DONTWAIT)
                peer.close()
            caught(socket.connect, "tcp://127.0.0.1:9")
            caught(socket.send, b"x", zmq.DONTWAIT)
            caught(socket.recv, zmq.DONTWAIT)
            socket.close(linger=0)
    context.destroy(linger=0)
    assert refused + accepted == 7 * len(VALUES)
    end()
"""

OPTIONS = """
AFFINITY ROUTING_ID SUBSCRIBE UNSUBSCRIBE RATE RECOVERY_IVL SNDBUF RCVBUF RCVMORE FD EVENTS TYPE LINGER RECONNECT_IVL BACKLOG
RECONNECT_IVL_MAX MAXMSGSIZE SNDHWM RCVHWM MULTICAST_HOPS RCVTIMEO SNDTIMEO LAST_ENDPOINT ROUTER_MANDATORY TCP_KEEPALIVE
TCP_KEEPALIVE_CNT TCP_KEEPALIVE_IDLE TCP_KEEPALIVE_INTVL IMMEDIATE XPUB_VERBOSE ROUTER_RAW IPV6 MECHANISM PLAIN_SERVER
PLAIN_USERNAME PLAIN_PASSWORD CURVE_SERVER CURVE_PUBLICKEY CURVE_SECRETKEY CURVE_SERVERKEY PROBE_ROUTER REQ_CORRELATE
REQ_RELAXED CONFLATE ZAP_DOMAIN ROUTER_HANDOVER TOS CONNECT_ROUTING_ID GSSAPI_SERVER GSSAPI_PRINCIPAL
GSSAPI_SERVICE_PRINCIPAL GSSAPI_PLAINTEXT HANDSHAKE_IVL SOCKS_PROXY XPUB_NODROP XPUB_MANUAL XPUB_WELCOME_MSG STREAM_NOTIFY
INVERT_MATCHING HEARTBEAT_IVL HEARTBEAT_TTL HEARTBEAT_TIMEOUT XPUB_VERBOSER CONNECT_TIMEOUT TCP_MAXRT MULTICAST_MAXTPDU
VMCI_BUFFER_SIZE USE_FD BINDTODEVICE IPC_FILTER_PID
""".split()
OPTIONS_BEYOND = """
ZAP_ENFORCE_DOMAIN LOOPBACK_FASTPATH METADATA MULTICAST_LOOP ROUTER_NOTIFY XPUB_MANUAL_LAST_VALUE SOCKS_USERNAME SOCKS_PASSWORD
IN_BATCH_SIZE OUT_BATCH_SIZE ONLY_FIRST_SUBSCRIBE RECONNECT_STOP HELLO_MSG DISCONNECT_MSG PRIORITY HICCUP_MSG BUSY_POLL
TOPICS_COUNT NORM_MODE NORM_UNICAST_NACK NORM_BUFFER_SIZE NORM_SEGMENT_SIZE NORM_BLOCK_SIZE NORM_NUM_PARITY
""".split()

# One method, with every value in every place of up to three, and with wrong names. A signal ends what waits.
METHOD = VALUES + """
    def handler(number, frame):
        while frame is not None:
            if frame.f_code.co_name == "__del__":       # what it raises is printed, and goes no further
                return
            if frame.f_code.co_name == "attempt":
                raise Interrupt
            frame = frame.f_back

    def attempt(call, args, kwargs):
        return call(*args, **kwargs)

    context = zmq.Context()
    shared = {{}}

    def made():
        global victim
        if "socket" not in shared or shared["socket"].closed or context.closed:
            shared["socket"], shared["peer"] = connected(zmq.Context() if {on_context} else context)
            shared["socket"].rcvtimeo = shared["socket"].sndtimeo = 1
        victim = shared["socket"]
        return {thing}

    alarm_every(0.02, handler)
    tried = 0
    for arguments in [(), *[(value,) for value in VALUES], *[(first, second) for first in VALUES[::4] for second in VALUES[::2]],
                      *[(VALUES[30], second, third) for second in VALUES[::6] for third in VALUES[::6]]]:
        for named in ({{}}, {{"wrong": 1}}) if len(arguments) < 2 else ({{}},):
            tried += 1
            try:
                attempt(getattr(made(), {method!r}), arguments, named)
            except Interrupt:
                pass
            except zmq.ZMQError:
                pass
            except (SystemError, ReferenceError, UnboundLocalError, MemoryError) as error:
                if not (isinstance(error, MemoryError)):
                    print(arguments, type(error).__name__, error)
            except Exception:
                pass
    alarm_every(0)
    assert tried > 100
    shared.clear()
    victim = None
    gc.collect()
    context.destroy(linger=0)
    end()
"""

METHODS = {
    "Socket": ("victim", """send recv send_multipart recv_multipart send_string recv_string send_json recv_json send_pyobj
        send_serialized recv_serialized bind connect unbind disconnect bind_to_random_port get set getsockopt setsockopt
        get_string set_string poll monitor get_monitor_socket close shadow set_hwm subscribe unsubscribe join leave"""),
    "Context": ("zmq.Context()", "get set socket term destroy shadow instance setsockopt getsockopt"),
    "Poller": ("zmq.Poller()", "register unregister modify poll"),
    "Frame": ("zmq.Frame(b'body')", "get set __getitem__ __eq__ __copy__"),
    "zmq": ("zmq", """Frame Socket Context MessageTracker zmq_poll select proxy proxy_steerable device curve_public has strerror
        curve_keypair"""),
}
METHODS_BEYOND = {
    "Socket": ("victim", "send_many recv_many recv_batch try_send try_recv wait_connected recv_into peers stats connect_peer"),
    "Poller": ("zmq.Poller()", "wake"),
    "zmq": ("zmq", "Batch z85_encode z85_decode"),
}


def cases() -> Iterator[Case]:
    for name in OPTIONS + OPTIONS_BEYOND:
        yield Case(f"values: every value for {name}", OPTION.format(name=name), beyond=name in OPTIONS_BEYOND)
    for beyond, methods in ((False, METHODS), (True, METHODS_BEYOND)):
        for kind, (thing, names) in methods.items():
            for method in names.split():
                yield Case(f"values: every value for {kind}.{method}",
                           METHOD.format(thing=thing, method=method, on_context=kind == "Context"), beyond=beyond)
