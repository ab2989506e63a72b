"""Options as attributes, one line each: `socket.linger`, `context.io_threads`. Lower and upper case are the same.

A socket option of a context is the default of the sockets that are opened from then on.
"""

from __future__ import annotations

from errno import EINVAL

from zmqfast.errors import ZMQError, ZMQVersionError

TYPE_CHECKING = False       # type checkers take it for true; importing typing costs more than this whole module
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, overload

    from typing_extensions import Buffer, Never, Self

    from zmqfast.constants import ContextOption, SocketOption, SocketType

    class Holder(Protocol):
        """What has socket options: a socket, or a context with the defaults of its sockets."""

        def getsockopt(self, opt: int, /) -> Any: ...
        def setsockopt(self, opt: int, value: Any, /) -> None: ...


class NumberedLate:
    """An option whose number is looked up when it is first used: the constants take longer to import than the rest.

    Args:
        name: the option's name; by default the attribute's.
    """

    __slots__ = ("name", "number")

    number: Any

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __set_name__(self, owner: type, attribute: str) -> None:
        if not self.name:
            self.name = attribute.upper()

    def __getattr__(self, missing: str) -> ContextOption | SocketOption:
        from zmqfast.constants import ContextOption, SocketOption

        if missing != "number":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {missing!r}")
        own = ContextOption.__members__.get(self.name) if isinstance(self, ContextAttribute) else None
        self.number = SocketOption[self.name] if own is None else own
        return self.number  # type: ignore[no-any-return]


class Option(NumberedLate):
    """A socket option. Reading raises AttributeError where libzmq cannot tell, or the context has no default."""

    __slots__ = ()

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
        except ZMQVersionError as error:    # whoever looks at all attributes expects AttributeError: getmembers(), mock
            raise AttributeError(str(error)) from None

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


class ContextAttribute(NumberedLate):
    """An option of the context itself. Reading raises AttributeError where libzmq cannot tell."""

    __slots__ = ()

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

    hwm = HWM = IntOption()
    affinity = AFFINITY = IntOption()
    routing_id = ROUTING_ID = BytesOption()
    rate = RATE = IntOption()
    recovery_ivl = RECOVERY_IVL = IntOption()
    sndbuf = SNDBUF = IntOption()
    rcvbuf = RCVBUF = IntOption()
    linger = LINGER = IntOption()
    reconnect_ivl = RECONNECT_IVL = IntOption()
    backlog = BACKLOG = IntOption()
    reconnect_ivl_max = RECONNECT_IVL_MAX = IntOption()
    maxmsgsize = MAXMSGSIZE = IntOption()
    sndhwm = SNDHWM = IntOption()
    rcvhwm = RCVHWM = IntOption()
    multicast_hops = MULTICAST_HOPS = IntOption()
    rcvtimeo = RCVTIMEO = IntOption()
    sndtimeo = SNDTIMEO = IntOption()
    router_mandatory = ROUTER_MANDATORY = IntOption()
    tcp_keepalive = TCP_KEEPALIVE = IntOption()
    tcp_keepalive_cnt = TCP_KEEPALIVE_CNT = IntOption()
    tcp_keepalive_idle = TCP_KEEPALIVE_IDLE = IntOption()
    tcp_keepalive_intvl = TCP_KEEPALIVE_INTVL = IntOption()
    immediate = IMMEDIATE = IntOption()
    xpub_verbose = XPUB_VERBOSE = IntOption()
    router_raw = ROUTER_RAW = IntOption()
    ipv6 = IPV6 = IntOption()
    plain_server = PLAIN_SERVER = IntOption()
    plain_username = PLAIN_USERNAME = BytesOption()
    plain_password = PLAIN_PASSWORD = BytesOption()
    curve_server = CURVE_SERVER = IntOption()
    curve_publickey = CURVE_PUBLICKEY = BytesOption()
    curve_secretkey = CURVE_SECRETKEY = BytesOption()
    curve_serverkey = CURVE_SERVERKEY = BytesOption()
    probe_router = PROBE_ROUTER = IntOption()
    req_correlate = REQ_CORRELATE = IntOption()
    req_relaxed = REQ_RELAXED = IntOption()
    conflate = CONFLATE = IntOption()
    zap_domain = ZAP_DOMAIN = BytesOption()
    router_handover = ROUTER_HANDOVER = IntOption()
    tos = TOS = IntOption()
    connect_routing_id = CONNECT_ROUTING_ID = BytesOption()
    gssapi_server = GSSAPI_SERVER = IntOption()
    gssapi_principal = GSSAPI_PRINCIPAL = BytesOption()
    gssapi_service_principal = GSSAPI_SERVICE_PRINCIPAL = BytesOption()
    gssapi_plaintext = GSSAPI_PLAINTEXT = IntOption()
    handshake_ivl = HANDSHAKE_IVL = IntOption()
    socks_proxy = SOCKS_PROXY = BytesOption()
    xpub_nodrop = XPUB_NODROP = IntOption()
    xpub_manual = XPUB_MANUAL = IntOption()
    xpub_welcome_msg = XPUB_WELCOME_MSG = BytesOption()
    stream_notify = STREAM_NOTIFY = IntOption()
    invert_matching = INVERT_MATCHING = IntOption()
    heartbeat_ivl = HEARTBEAT_IVL = IntOption()
    heartbeat_ttl = HEARTBEAT_TTL = IntOption()
    heartbeat_timeout = HEARTBEAT_TIMEOUT = IntOption()
    xpub_verboser = XPUB_VERBOSER = IntOption()
    connect_timeout = CONNECT_TIMEOUT = IntOption()
    tcp_maxrt = TCP_MAXRT = IntOption()
    multicast_maxtpdu = MULTICAST_MAXTPDU = IntOption()
    vmci_buffer_size = VMCI_BUFFER_SIZE = IntOption()
    vmci_buffer_min_size = VMCI_BUFFER_MIN_SIZE = IntOption()
    vmci_buffer_max_size = VMCI_BUFFER_MAX_SIZE = IntOption()
    vmci_connect_timeout = VMCI_CONNECT_TIMEOUT = IntOption()
    use_fd = USE_FD = IntOption()
    gssapi_principal_nametype = GSSAPI_PRINCIPAL_NAMETYPE = IntOption()
    gssapi_service_principal_nametype = GSSAPI_SERVICE_PRINCIPAL_NAMETYPE = IntOption()
    bindtodevice = BINDTODEVICE = BytesOption()

    # deprecated
    identity = IDENTITY = BytesOption("ROUTING_ID")
    connect_rid = CONNECT_RID = BytesOption("CONNECT_ROUTING_ID")
    tcp_accept_filter = TCP_ACCEPT_FILTER = BytesOption()
    ipc_filter_pid = IPC_FILTER_PID = IntOption()
    ipc_filter_uid = IPC_FILTER_UID = IntOption()
    ipc_filter_gid = IPC_FILTER_GID = IntOption()
    ipv4only = IPV4ONLY = IntOption()
    delay_attach_on_connect = DELAY_ATTACH_ON_CONNECT = IntOption("IMMEDIATE")
    fail_unroutable = FAIL_UNROUTABLE = IntOption("ROUTER_MANDATORY")
    router_behavior = ROUTER_BEHAVIOR = IntOption("ROUTER_MANDATORY")

    # draft
    zap_enforce_domain = ZAP_ENFORCE_DOMAIN = IntOption()
    loopback_fastpath = LOOPBACK_FASTPATH = IntOption()
    metadata = METADATA = BytesOption()
    multicast_loop = MULTICAST_LOOP = IntOption()
    router_notify = ROUTER_NOTIFY = IntOption()
    xpub_manual_last_value = XPUB_MANUAL_LAST_VALUE = IntOption()
    socks_username = SOCKS_USERNAME = BytesOption()
    socks_password = SOCKS_PASSWORD = BytesOption()
    in_batch_size = IN_BATCH_SIZE = IntOption()
    out_batch_size = OUT_BATCH_SIZE = IntOption()
    wss_key_pem = WSS_KEY_PEM = BytesOption()
    wss_cert_pem = WSS_CERT_PEM = BytesOption()
    wss_trust_pem = WSS_TRUST_PEM = BytesOption()
    wss_hostname = WSS_HOSTNAME = BytesOption()
    wss_trust_system = WSS_TRUST_SYSTEM = IntOption()
    only_first_subscribe = ONLY_FIRST_SUBSCRIBE = IntOption()
    reconnect_stop = RECONNECT_STOP = IntOption()
    hello_msg = HELLO_MSG = BytesOption()
    disconnect_msg = DISCONNECT_MSG = BytesOption()
    priority = PRIORITY = IntOption()
    busy_poll = BUSY_POLL = IntOption()
    hiccup_msg = HICCUP_MSG = BytesOption()
    xsub_verbose_unsubscribe = XSUB_VERBOSE_UNSUBSCRIBE = IntOption()
    norm_mode = NORM_MODE = IntOption()
    norm_unicast_nack = NORM_UNICAST_NACK = IntOption()
    norm_buffer_size = NORM_BUFFER_SIZE = IntOption()
    norm_segment_size = NORM_SEGMENT_SIZE = IntOption()
    norm_block_size = NORM_BLOCK_SIZE = IntOption()
    norm_num_parity = NORM_NUM_PARITY = IntOption()
    norm_num_autoparity = NORM_NUM_AUTOPARITY = IntOption()
    norm_push = NORM_PUSH = IntOption()


class SocketOptions(SettableOptions):
    """The options of a socket."""

    __slots__ = ()

    if TYPE_CHECKING:
        @property
        def _type(self) -> SocketType: ...
        def getsockopt(self, opt: int, /) -> Any: ...
        def setsockopt(self, opt: int, value: Any, /) -> None: ...

    @TopicMethod
    def subscribe(self, topic: str | bytes) -> None:
        """Receive messages that begin with `topic`; the empty topic is all of them (SUB)."""
        self.SUBSCRIBE = topic.encode() if isinstance(topic, str) else topic

    @TopicMethod
    def unsubscribe(self, topic: str | bytes) -> None:
        """End one subscription to `topic` (SUB)."""
        self.UNSUBSCRIBE = topic.encode() if isinstance(topic, str) else topic

    @property
    def type(self) -> SocketType:
        """The socket's type, also once it is closed."""
        return self._type

    TYPE = ReadOnlyInt()
    SUBSCRIBE = BytesOption()
    UNSUBSCRIBE = BytesOption()

    # read only
    rcvmore = RCVMORE = ReadOnlyInt()
    fd = FD = ReadOnlyInt()
    events = EVENTS = ReadOnlyInt()
    last_endpoint = LAST_ENDPOINT = ReadOnlyBytes()
    mechanism = MECHANISM = ReadOnlyInt()
    thread_safe = THREAD_SAFE = ReadOnlyInt()
    topics_count = TOPICS_COUNT = ReadOnlyInt()


class ContextOptions(SettableOptions):
    """The options of a context, and the defaults of its sockets."""

    __slots__ = ()

    subscribe = SUBSCRIBE = BytesOption()
    unsubscribe = UNSUBSCRIBE = BytesOption()

    io_threads = IO_THREADS = ContextInt()
    max_sockets = MAX_SOCKETS = ContextInt()
    socket_limit = SOCKET_LIMIT = ContextInt()
    thread_priority = THREAD_PRIORITY = ContextInt()
    thread_sched_policy = THREAD_SCHED_POLICY = ContextInt()
    max_msgsz = MAX_MSGSZ = ContextInt()
    msg_t_size = MSG_T_SIZE = ContextInt()
    thread_affinity_cpu_add = THREAD_AFFINITY_CPU_ADD = ContextInt()
    thread_affinity_cpu_remove = THREAD_AFFINITY_CPU_REMOVE = ContextInt()
    thread_name_prefix = THREAD_NAME_PREFIX = ContextText()
    blocky = BLOCKY = ContextInt()

    # draft
    zero_copy_recv = ZERO_COPY_RECV = ContextInt()
