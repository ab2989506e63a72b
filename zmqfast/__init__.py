"""ZeroMQ for Python: libzmq inside, as fast as C, pyzmq's names."""

from zmqfast import constants
from zmqfast._core import (
    COPY_THRESHOLD,
    DRAFT_API,
    IPC_PATH_MAX_LEN,
    PYZMQ_DRAFT_API,
    Batch,
    Frame,
    MessageTracker,
    curve_keypair,
    curve_public,
    has,
    proxy,
    proxy_steerable,
    strerror,
    zmq_errno,
    zmq_poll,
    zmq_version,
    zmq_version_info,
)
from zmqfast._core import Frame as Message
from zmqfast.constants import *
from zmqfast.context import Context
from zmqfast.errors import (
    Again,
    ContextTerminated,
    DraftFDWarning,
    InterruptedSystemCall,
    NotDone,
    SocketBusy,
    ZMQBaseError,
    ZMQBindError,
    ZMQError,
    ZMQVersionError,
)
from zmqfast.monitor import MonitorEvent
from zmqfast.poller import Poller, select
from zmqfast.socket import Socket
from zmqfast.version import __version__, version_info

__all__ = [
    "COPY_THRESHOLD",
    "DRAFT_API",
    "IPC_PATH_MAX_LEN",
    "PYZMQ_DRAFT_API",
    "Again",
    "Batch",
    "Context",
    "ContextTerminated",
    "DraftFDWarning",
    "Frame",
    "InterruptedSystemCall",
    "Message",
    "MessageTracker",
    "MonitorEvent",
    "NotDone",
    "Poller",
    "Socket",
    "SocketBusy",
    "ZMQBaseError",
    "ZMQBindError",
    "ZMQError",
    "ZMQVersionError",
    "__version__",
    "curve_keypair",
    "curve_public",
    "has",
    "proxy",
    "proxy_steerable",
    "select",
    "strerror",
    "version_info",
    "zmq_errno",
    "zmq_poll",
    "zmq_version",
    "zmq_version_info",
]
__all__ += constants.__all__
