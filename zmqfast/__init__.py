"""ZeroMQ for Python: libzmq inside, as fast as C, pyzmq's names."""

import sys

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
from zmqfast.context import Context
from zmqfast.errors import (
    Again,
    ContextTerminated,
    DraftFDWarning,
    HandshakeFailed,
    InterruptedSystemCall,
    NotDone,
    SocketBusy,
    ZMQBaseError,
    ZMQBindError,
    ZMQError,
    ZMQVersionError,
)
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
    "HandshakeFailed",
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

if TYPE_CHECKING:
    from zmqfast import constants
    from zmqfast import errors as error
    from zmqfast.compat import backend, sugar
    from zmqfast.compat.building import get_includes, get_library_dirs
    from zmqfast.compat.install import install_as_zmq, uninstall_as_zmq
    from zmqfast.compat.sugar.context import SyncContext
    from zmqfast.compat.sugar.devices import device
    from zmqfast.compat.sugar.socket import SyncSocket
    from zmqfast.compat.sugar.stopwatch import Stopwatch
    from zmqfast.compat.sugar.version import __revision__, pyzmq_version, pyzmq_version_info
    from zmqfast.constants import *
    from zmqfast.monitor import MonitorEvent

    __all__ += constants.__all__
else:
    _late = {           # what an import need not wait for is imported when it is asked for: name → module
        "MonitorEvent": "monitor",
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
    _late_modules = {
        "backend": "compat.backend",
        "constants": "constants",
        "error": "errors",
        "monitor": "monitor",
        "sugar": "compat.sugar",
        "utils": "utils",
    }
    _own_names = __all__
    del __all__         # with the constants in it, it is late as well

    def _module(name):
        __import__(f"zmqfast.{name}")
        return sys.modules[f"zmqfast.{name}"]

    def __getattr__(name):
        if name in _late:
            value = globals()[name] = getattr(_module(_late[name]), name)
            return value
        if name in _late_modules:
            value = globals()[name] = _module(_late_modules[name])
            return value
        if not name.startswith("__") or name == "__all__":
            _take_constants()
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def _take_constants():
        """Have every constant as a name of this module, and __all__: all at once, when the first is asked for."""
        constants = _module("constants")
        globals().update({name: getattr(constants, name) for name in constants.__all__})
        globals()["__all__"] = _own_names + constants.__all__

    def __dir__():
        _take_constants()
        return sorted({*globals(), *_late, *_late_modules})
