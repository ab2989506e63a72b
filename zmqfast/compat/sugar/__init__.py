"""zmq.sugar: the public names that Python code has under `zmq` as well."""

from zmqfast._core import (
    Frame,
    MessageTracker,
    _FINISHED_TRACKER,
    proxy,
    zmq_version,
    zmq_version_info,
)
from zmqfast._core import Frame as Message
from zmqfast.compat.sugar.context import SyncContext
from zmqfast.compat.sugar.devices import device
from zmqfast.compat.sugar.socket import SyncSocket
from zmqfast.compat.sugar.stopwatch import Stopwatch
from zmqfast.compat.sugar.version import __revision__, __version__, pyzmq_version, pyzmq_version_info
from zmqfast.constants import DeviceType
from zmqfast.context import Context
from zmqfast.errors import (
    Again,
    ContextTerminated,
    DraftFDWarning,
    InterruptedSystemCall,
    NotDone,
    ZMQBaseError,
    ZMQBindError,
    ZMQError,
    ZMQVersionError,
)
from zmqfast.poller import Poller, select
from zmqfast.socket import Socket

__all__ = [
    "Again",
    "Context",
    "ContextTerminated",
    "DeviceType",
    "DraftFDWarning",
    "Frame",
    "InterruptedSystemCall",
    "Message",
    "MessageTracker",
    "NotDone",
    "Poller",
    "Socket",
    "Stopwatch",
    "SyncContext",
    "SyncSocket",
    "ZMQBaseError",
    "ZMQBindError",
    "ZMQError",
    "ZMQVersionError",
    "_FINISHED_TRACKER",
    "__revision__",
    "__version__",
    "device",
    "proxy",
    "pyzmq_version",
    "pyzmq_version_info",
    "select",
    "zmq_version",
    "zmq_version_info",
]
