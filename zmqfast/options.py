"""Options as attributes, one line each: `socket.linger`, `context.io_threads`. Lower and upper case are the same.

A socket option of a context is the default of the sockets that are opened from then on.
"""

from __future__ import annotations

from errno import EINVAL

from zmqfast.constants import ContextOption, SocketOption, SocketType
from zmqfast.errors import ZMQError

TYPE_CHECKING = False       # type checkers take it for true; importing typing costs more than this whole module
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, overload

    from typing_extensions import Buffer, Never, Self

    class Holder(Protocol):
        """What has socket options: a socket, or a context with the defaults of its sockets."""

        def getsockopt(self, opt: int, /) -> Any: ...
        def setsockopt(self, opt: int, value: Any, /) -> None: ...


class Option:
    """A socket option. Reading raises AttributeError where libzmq cannot tell, or the context has no default."""

    __slots__ = ("number",)

    def __init__(self, number: SocketOption) -> None:
        self.number = number

    def __get__(self, holder: Any, owner: type | None = None) -> Any:
        if holder is None:
            return self
        try:
            return holder.getsockopt(self.number)
        except KeyError:
            raise AttributeError(f"{self.number.name.lower()} has no default in this context") from None
        except ZMQError as error:
            if error.errno != EINVAL:
                raise
            raise AttributeError(f"{self.number.name.lower()} cannot be read from this socket") from None

    def __set__(self, holder: Holder, value: Any) -> None:
        holder.setsockopt(self.number, value)

    def __delete__(self, holder: Any) -> None:
        """Forget a context's default."""
        defaults = getattr(holder, "sockopts", {})
        if self.number not in defaults:
            raise AttributeError(f"{self.number.name.lower()} has no default to delete")
        del defaults[self.number]


class IntOption(Option):
    """A socket option whose value is an int, yes and no included."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, holder: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, holder: Holder, owner: type | None = None) -> int: ...
        def __get__(self, holder: Holder | None, owner: type | None = None) -> Self | int: ...
        def __set__(self, holder: Holder, value: int) -> None: ...


class BytesOption(Option):
    """A socket option whose value is bytes, text included; bytes-like when set."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, holder: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, holder: Holder, owner: type | None = None) -> bytes: ...
        def __get__(self, holder: Holder | None, owner: type | None = None) -> Self | bytes: ...
        def __set__(self, holder: Holder, value: Buffer | None) -> None: ...


class ReadOnlyInt(Option):
    """A socket option that only libzmq sets, an int."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, holder: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, holder: Holder, owner: type | None = None) -> int: ...
        def __get__(self, holder: Holder | None, owner: type | None = None) -> Self | int: ...
        def __set__(self, holder: Holder, value: Never) -> None: ...


class ReadOnlyBytes(Option):
    """A socket option that only libzmq sets, bytes."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, holder: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, holder: Holder, owner: type | None = None) -> bytes: ...
        def __get__(self, holder: Holder | None, owner: type | None = None) -> Self | bytes: ...
        def __set__(self, holder: Holder, value: Never) -> None: ...


class ContextAttribute:
    """An option of the context itself. Reading raises AttributeError where libzmq cannot tell."""

    __slots__ = ("number",)

    def __init__(self, number: ContextOption | SocketOption) -> None:
        self.number = number

    def __get__(self, context: Any, owner: type | None = None) -> Any:
        if context is None:
            return self
        try:
            return context.get(self.number)
        except ZMQError as error:
            if error.errno != EINVAL:
                raise
            raise AttributeError(f"{self.number.name.lower()} cannot be read from a context") from None

    def __set__(self, context: Any, value: Any) -> None:
        context.set(self.number, value)


class ContextInt(ContextAttribute):
    """An option of the context whose value is an int."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, context: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, context: object, owner: type | None = None) -> int: ...
        def __get__(self, context: object, owner: type | None = None) -> Self | int: ...
        def __set__(self, context: object, value: int) -> None: ...


class ContextText(ContextAttribute):
    """An option of the context whose value is text."""

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __get__(self, context: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, context: object, owner: type | None = None) -> str: ...
        def __get__(self, context: object, owner: type | None = None) -> Self | str: ...
        def __set__(self, context: object, value: str | bytes) -> None: ...


class TopicMethod:
    """A method of a topic that can be assigned to as well: `socket.subscribe = b"news"`."""

    __slots__ = ("method",)

    def __init__(self, method: Callable[[Any, str | bytes], None]) -> None:
        self.method = method

    def __get__(self, socket: Any, owner: type | None = None) -> Callable[[str | bytes], None]:
        return self.method.__get__(socket, owner)  # type: ignore[no-any-return]

    def __set__(self, socket: Any, topic: str | bytes) -> None:
        self.method(socket, topic)


class SettableOptions:
    """The socket options that can be set: on a socket, and as defaults on a context."""

    __slots__ = ()

    hwm = HWM = IntOption(SocketOption.HWM)
    affinity = AFFINITY = IntOption(SocketOption.AFFINITY)
    routing_id = ROUTING_ID = BytesOption(SocketOption.ROUTING_ID)
    rate = RATE = IntOption(SocketOption.RATE)
    recovery_ivl = RECOVERY_IVL = IntOption(SocketOption.RECOVERY_IVL)
    sndbuf = SNDBUF = IntOption(SocketOption.SNDBUF)
    rcvbuf = RCVBUF = IntOption(SocketOption.RCVBUF)
    linger = LINGER = IntOption(SocketOption.LINGER)
    reconnect_ivl = RECONNECT_IVL = IntOption(SocketOption.RECONNECT_IVL)
    backlog = BACKLOG = IntOption(SocketOption.BACKLOG)
    reconnect_ivl_max = RECONNECT_IVL_MAX = IntOption(SocketOption.RECONNECT_IVL_MAX)
    maxmsgsize = MAXMSGSIZE = IntOption(SocketOption.MAXMSGSIZE)
    sndhwm = SNDHWM = IntOption(SocketOption.SNDHWM)
    rcvhwm = RCVHWM = IntOption(SocketOption.RCVHWM)
    multicast_hops = MULTICAST_HOPS = IntOption(SocketOption.MULTICAST_HOPS)
    rcvtimeo = RCVTIMEO = IntOption(SocketOption.RCVTIMEO)
    sndtimeo = SNDTIMEO = IntOption(SocketOption.SNDTIMEO)
    router_mandatory = ROUTER_MANDATORY = IntOption(SocketOption.ROUTER_MANDATORY)
    tcp_keepalive = TCP_KEEPALIVE = IntOption(SocketOption.TCP_KEEPALIVE)
    tcp_keepalive_cnt = TCP_KEEPALIVE_CNT = IntOption(SocketOption.TCP_KEEPALIVE_CNT)
    tcp_keepalive_idle = TCP_KEEPALIVE_IDLE = IntOption(SocketOption.TCP_KEEPALIVE_IDLE)
    tcp_keepalive_intvl = TCP_KEEPALIVE_INTVL = IntOption(SocketOption.TCP_KEEPALIVE_INTVL)
    immediate = IMMEDIATE = IntOption(SocketOption.IMMEDIATE)
    xpub_verbose = XPUB_VERBOSE = IntOption(SocketOption.XPUB_VERBOSE)
    router_raw = ROUTER_RAW = IntOption(SocketOption.ROUTER_RAW)
    ipv6 = IPV6 = IntOption(SocketOption.IPV6)
    plain_server = PLAIN_SERVER = IntOption(SocketOption.PLAIN_SERVER)
    plain_username = PLAIN_USERNAME = BytesOption(SocketOption.PLAIN_USERNAME)
    plain_password = PLAIN_PASSWORD = BytesOption(SocketOption.PLAIN_PASSWORD)
    curve_server = CURVE_SERVER = IntOption(SocketOption.CURVE_SERVER)
    curve_publickey = CURVE_PUBLICKEY = BytesOption(SocketOption.CURVE_PUBLICKEY)
    curve_secretkey = CURVE_SECRETKEY = BytesOption(SocketOption.CURVE_SECRETKEY)
    curve_serverkey = CURVE_SERVERKEY = BytesOption(SocketOption.CURVE_SERVERKEY)
    probe_router = PROBE_ROUTER = IntOption(SocketOption.PROBE_ROUTER)
    req_correlate = REQ_CORRELATE = IntOption(SocketOption.REQ_CORRELATE)
    req_relaxed = REQ_RELAXED = IntOption(SocketOption.REQ_RELAXED)
    conflate = CONFLATE = IntOption(SocketOption.CONFLATE)
    zap_domain = ZAP_DOMAIN = BytesOption(SocketOption.ZAP_DOMAIN)
    router_handover = ROUTER_HANDOVER = IntOption(SocketOption.ROUTER_HANDOVER)
    tos = TOS = IntOption(SocketOption.TOS)
    connect_routing_id = CONNECT_ROUTING_ID = BytesOption(SocketOption.CONNECT_ROUTING_ID)
    gssapi_server = GSSAPI_SERVER = IntOption(SocketOption.GSSAPI_SERVER)
    gssapi_principal = GSSAPI_PRINCIPAL = BytesOption(SocketOption.GSSAPI_PRINCIPAL)
    gssapi_service_principal = GSSAPI_SERVICE_PRINCIPAL = BytesOption(SocketOption.GSSAPI_SERVICE_PRINCIPAL)
    gssapi_plaintext = GSSAPI_PLAINTEXT = IntOption(SocketOption.GSSAPI_PLAINTEXT)
    handshake_ivl = HANDSHAKE_IVL = IntOption(SocketOption.HANDSHAKE_IVL)
    socks_proxy = SOCKS_PROXY = BytesOption(SocketOption.SOCKS_PROXY)
    xpub_nodrop = XPUB_NODROP = IntOption(SocketOption.XPUB_NODROP)
    xpub_manual = XPUB_MANUAL = IntOption(SocketOption.XPUB_MANUAL)
    xpub_welcome_msg = XPUB_WELCOME_MSG = BytesOption(SocketOption.XPUB_WELCOME_MSG)
    stream_notify = STREAM_NOTIFY = IntOption(SocketOption.STREAM_NOTIFY)
    invert_matching = INVERT_MATCHING = IntOption(SocketOption.INVERT_MATCHING)
    heartbeat_ivl = HEARTBEAT_IVL = IntOption(SocketOption.HEARTBEAT_IVL)
    heartbeat_ttl = HEARTBEAT_TTL = IntOption(SocketOption.HEARTBEAT_TTL)
    heartbeat_timeout = HEARTBEAT_TIMEOUT = IntOption(SocketOption.HEARTBEAT_TIMEOUT)
    xpub_verboser = XPUB_VERBOSER = IntOption(SocketOption.XPUB_VERBOSER)
    connect_timeout = CONNECT_TIMEOUT = IntOption(SocketOption.CONNECT_TIMEOUT)
    tcp_maxrt = TCP_MAXRT = IntOption(SocketOption.TCP_MAXRT)
    multicast_maxtpdu = MULTICAST_MAXTPDU = IntOption(SocketOption.MULTICAST_MAXTPDU)
    vmci_buffer_size = VMCI_BUFFER_SIZE = IntOption(SocketOption.VMCI_BUFFER_SIZE)
    vmci_buffer_min_size = VMCI_BUFFER_MIN_SIZE = IntOption(SocketOption.VMCI_BUFFER_MIN_SIZE)
    vmci_buffer_max_size = VMCI_BUFFER_MAX_SIZE = IntOption(SocketOption.VMCI_BUFFER_MAX_SIZE)
    vmci_connect_timeout = VMCI_CONNECT_TIMEOUT = IntOption(SocketOption.VMCI_CONNECT_TIMEOUT)
    use_fd = USE_FD = IntOption(SocketOption.USE_FD)
    gssapi_principal_nametype = GSSAPI_PRINCIPAL_NAMETYPE = IntOption(SocketOption.GSSAPI_PRINCIPAL_NAMETYPE)
    gssapi_service_principal_nametype = GSSAPI_SERVICE_PRINCIPAL_NAMETYPE = IntOption(
        SocketOption.GSSAPI_SERVICE_PRINCIPAL_NAMETYPE
    )
    bindtodevice = BINDTODEVICE = BytesOption(SocketOption.BINDTODEVICE)

    # deprecated
    identity = IDENTITY = BytesOption(SocketOption.ROUTING_ID)
    connect_rid = CONNECT_RID = BytesOption(SocketOption.CONNECT_ROUTING_ID)
    tcp_accept_filter = TCP_ACCEPT_FILTER = BytesOption(SocketOption.TCP_ACCEPT_FILTER)
    ipc_filter_pid = IPC_FILTER_PID = IntOption(SocketOption.IPC_FILTER_PID)
    ipc_filter_uid = IPC_FILTER_UID = IntOption(SocketOption.IPC_FILTER_UID)
    ipc_filter_gid = IPC_FILTER_GID = IntOption(SocketOption.IPC_FILTER_GID)
    ipv4only = IPV4ONLY = IntOption(SocketOption.IPV4ONLY)
    delay_attach_on_connect = DELAY_ATTACH_ON_CONNECT = IntOption(SocketOption.IMMEDIATE)
    fail_unroutable = FAIL_UNROUTABLE = IntOption(SocketOption.ROUTER_MANDATORY)
    router_behavior = ROUTER_BEHAVIOR = IntOption(SocketOption.ROUTER_MANDATORY)

    # draft
    zap_enforce_domain = ZAP_ENFORCE_DOMAIN = IntOption(SocketOption.ZAP_ENFORCE_DOMAIN)
    loopback_fastpath = LOOPBACK_FASTPATH = IntOption(SocketOption.LOOPBACK_FASTPATH)
    metadata = METADATA = BytesOption(SocketOption.METADATA)
    multicast_loop = MULTICAST_LOOP = IntOption(SocketOption.MULTICAST_LOOP)
    router_notify = ROUTER_NOTIFY = IntOption(SocketOption.ROUTER_NOTIFY)
    xpub_manual_last_value = XPUB_MANUAL_LAST_VALUE = IntOption(SocketOption.XPUB_MANUAL_LAST_VALUE)
    socks_username = SOCKS_USERNAME = BytesOption(SocketOption.SOCKS_USERNAME)
    socks_password = SOCKS_PASSWORD = BytesOption(SocketOption.SOCKS_PASSWORD)
    in_batch_size = IN_BATCH_SIZE = IntOption(SocketOption.IN_BATCH_SIZE)
    out_batch_size = OUT_BATCH_SIZE = IntOption(SocketOption.OUT_BATCH_SIZE)
    wss_key_pem = WSS_KEY_PEM = BytesOption(SocketOption.WSS_KEY_PEM)
    wss_cert_pem = WSS_CERT_PEM = BytesOption(SocketOption.WSS_CERT_PEM)
    wss_trust_pem = WSS_TRUST_PEM = BytesOption(SocketOption.WSS_TRUST_PEM)
    wss_hostname = WSS_HOSTNAME = BytesOption(SocketOption.WSS_HOSTNAME)
    wss_trust_system = WSS_TRUST_SYSTEM = IntOption(SocketOption.WSS_TRUST_SYSTEM)
    only_first_subscribe = ONLY_FIRST_SUBSCRIBE = IntOption(SocketOption.ONLY_FIRST_SUBSCRIBE)
    reconnect_stop = RECONNECT_STOP = IntOption(SocketOption.RECONNECT_STOP)
    hello_msg = HELLO_MSG = BytesOption(SocketOption.HELLO_MSG)
    disconnect_msg = DISCONNECT_MSG = BytesOption(SocketOption.DISCONNECT_MSG)
    priority = PRIORITY = IntOption(SocketOption.PRIORITY)
    busy_poll = BUSY_POLL = IntOption(SocketOption.BUSY_POLL)
    hiccup_msg = HICCUP_MSG = BytesOption(SocketOption.HICCUP_MSG)
    xsub_verbose_unsubscribe = XSUB_VERBOSE_UNSUBSCRIBE = IntOption(SocketOption.XSUB_VERBOSE_UNSUBSCRIBE)
    norm_mode = NORM_MODE = IntOption(SocketOption.NORM_MODE)
    norm_unicast_nack = NORM_UNICAST_NACK = IntOption(SocketOption.NORM_UNICAST_NACK)
    norm_buffer_size = NORM_BUFFER_SIZE = IntOption(SocketOption.NORM_BUFFER_SIZE)
    norm_segment_size = NORM_SEGMENT_SIZE = IntOption(SocketOption.NORM_SEGMENT_SIZE)
    norm_block_size = NORM_BLOCK_SIZE = IntOption(SocketOption.NORM_BLOCK_SIZE)
    norm_num_parity = NORM_NUM_PARITY = IntOption(SocketOption.NORM_NUM_PARITY)
    norm_num_autoparity = NORM_NUM_AUTOPARITY = IntOption(SocketOption.NORM_NUM_AUTOPARITY)
    norm_push = NORM_PUSH = IntOption(SocketOption.NORM_PUSH)


class SocketOptions(SettableOptions):
    """The options of a socket."""

    __slots__ = ()

    if TYPE_CHECKING:
        @property
        def _type(self) -> int: ...
        def getsockopt(self, opt: int, /) -> Any: ...
        def setsockopt(self, opt: int, value: Any, /) -> None: ...

    @TopicMethod
    def subscribe(self, topic: str | bytes) -> None:
        """Receive messages that begin with `topic`; the empty topic is all of them (SUB)."""
        self.setsockopt(SocketOption.SUBSCRIBE, topic.encode() if isinstance(topic, str) else topic)

    @TopicMethod
    def unsubscribe(self, topic: str | bytes) -> None:
        """End one subscription to `topic` (SUB)."""
        self.setsockopt(SocketOption.UNSUBSCRIBE, topic.encode() if isinstance(topic, str) else topic)

    @property
    def type(self) -> SocketType:
        """The socket's type, also once it is closed."""
        return SocketType(self._type)

    TYPE = ReadOnlyInt(SocketOption.TYPE)
    SUBSCRIBE = BytesOption(SocketOption.SUBSCRIBE)
    UNSUBSCRIBE = BytesOption(SocketOption.UNSUBSCRIBE)

    # read only
    rcvmore = RCVMORE = ReadOnlyInt(SocketOption.RCVMORE)
    fd = FD = ReadOnlyInt(SocketOption.FD)
    events = EVENTS = ReadOnlyInt(SocketOption.EVENTS)
    last_endpoint = LAST_ENDPOINT = ReadOnlyBytes(SocketOption.LAST_ENDPOINT)
    mechanism = MECHANISM = ReadOnlyInt(SocketOption.MECHANISM)
    thread_safe = THREAD_SAFE = ReadOnlyInt(SocketOption.THREAD_SAFE)
    topics_count = TOPICS_COUNT = ReadOnlyInt(SocketOption.TOPICS_COUNT)


class ContextOptions(SettableOptions):
    """The options of a context, and the defaults of its sockets."""

    __slots__ = ()

    subscribe = SUBSCRIBE = BytesOption(SocketOption.SUBSCRIBE)
    unsubscribe = UNSUBSCRIBE = BytesOption(SocketOption.UNSUBSCRIBE)

    io_threads = IO_THREADS = ContextInt(ContextOption.IO_THREADS)
    max_sockets = MAX_SOCKETS = ContextInt(ContextOption.MAX_SOCKETS)
    socket_limit = SOCKET_LIMIT = ContextInt(ContextOption.SOCKET_LIMIT)
    thread_priority = THREAD_PRIORITY = ContextInt(ContextOption.THREAD_PRIORITY)
    thread_sched_policy = THREAD_SCHED_POLICY = ContextInt(ContextOption.THREAD_SCHED_POLICY)
    max_msgsz = MAX_MSGSZ = ContextInt(ContextOption.MAX_MSGSZ)
    msg_t_size = MSG_T_SIZE = ContextInt(ContextOption.MSG_T_SIZE)
    thread_affinity_cpu_add = THREAD_AFFINITY_CPU_ADD = ContextInt(ContextOption.THREAD_AFFINITY_CPU_ADD)
    thread_affinity_cpu_remove = THREAD_AFFINITY_CPU_REMOVE = ContextInt(ContextOption.THREAD_AFFINITY_CPU_REMOVE)
    thread_name_prefix = THREAD_NAME_PREFIX = ContextText(ContextOption.THREAD_NAME_PREFIX)
    blocky = BLOCKY = ContextInt(SocketOption.BLOCKY)

    # draft
    zero_copy_recv = ZERO_COPY_RECV = ContextInt(ContextOption.ZERO_COPY_RECV)
