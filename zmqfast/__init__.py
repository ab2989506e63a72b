"""ZeroMQ for Python: libzmq inside, as fast as C, pyzmq's names."""

from zmqfast import constants
from zmqfast._core import (
    COPY_THRESHOLD,
    DRAFT_API,
    IPC_PATH_MAX_LEN,
    PYZMQ_DRAFT_API,
    _FINISHED_TRACKER,
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

TYPE_CHECKING = False       # type checkers take it for true

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
    "curve_keypair",
    "curve_public",
    "device",
    "get_includes",
    "get_library_dirs",
    "has",
    "install_as_zmq",
    "proxy",
    "proxy_steerable",
    "pyzmq_version",
    "pyzmq_version_info",
    "select",
    "strerror",
    "uninstall_as_zmq",
    "version_info",
    "zmq_errno",
    "zmq_poll",
    "zmq_version",
    "zmq_version_info",
]
__all__ += constants.__all__

if TYPE_CHECKING:
    from zmqfast import errors as error
    from zmqfast.compat import backend, sugar
    from zmqfast.compat.building import get_includes, get_library_dirs
    from zmqfast.compat.install import install_as_zmq, uninstall_as_zmq
    from zmqfast.compat.sugar.context import SyncContext
    from zmqfast.compat.sugar.devices import device
    from zmqfast.compat.sugar.socket import SyncSocket
    from zmqfast.compat.sugar.stopwatch import Stopwatch
    from zmqfast.compat.sugar.version import __revision__, pyzmq_version, pyzmq_version_info
else:
    _late = {           # what few programs use is imported when it is asked for: name → module
        "Stopwatch": "compat.sugar.stopwatch",
        "SyncContext": "compat.sugar.context",
        "SyncSocket": "compat.sugar.socket",
        "__revision__": "compat.sugar.version",
        "device": "compat.sugar.devices",
        "get_includes": "compat.building",
        "get_library_dirs": "compat.building",
        "install_as_zmq": "compat.install",
        "pyzmq_version": "compat.sugar.version",
        "pyzmq_version_info": "compat.sugar.version",
        "uninstall_as_zmq": "compat.install",
    }
    _late_modules = {"backend": "compat.backend", "error": "errors", "sugar": "compat.sugar", "utils": "utils"}

    def __getattr__(name):
        from importlib import import_module

        if name in _late:
            value = getattr(import_module(f"zmqfast.{_late[name]}"), name)
        elif name in _late_modules:
            value = import_module(f"zmqfast.{_late_modules[name]}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value
