"""install_as_zmq(): `import zmq` and `import zmq.X` give zmqfast's own module objects.

A finder at the head of sys.meta_path answers for `zmq` and what is below it, so a module is imported when somebody
asks for it, and at no other time.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

_OWN_NAME = {                       # what has another name here
    "error": "errors",
    "green.core": "green.socket",
    "green.poll": "green.poller",
    "green.eventloop": "eventloop",
}
_COMPAT = frozenset(["_future", "_typing", "backend", "sugar"])     # what only compat/ has


def install_as_zmq() -> None:
    """Let `import zmq` and `import zmq.X` give zmqfast's modules, in this process, from now on; safe to repeat.

    Call it before anything imports pyzmq; whether zmqfast has been imported makes no difference. From now on
    `zmqfast.__version__` is that of the pyzmq that zmqfast is like, for programs that ask zmq for it;
    zmqfast.version.__version__ stays.

    Raises:
        ImportError: pyzmq has been imported already; nothing was changed.
    """
    import zmqfast

    there = sys.modules.get("zmq")
    if there is not None and there is not zmqfast:
        place = getattr(there, "__file__", None) or "somewhere"
        raise ImportError(
            f"install_as_zmq: another zmq has been imported already, from {place}; call it before that", name="zmq")
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    sys.modules["zmq"] = zmqfast
    zmqfast.__version__ = zmqfast.pyzmq_version()


def uninstall_as_zmq() -> None:
    """Undo install_as_zmq(): the next `import zmq` looks for pyzmq. Who has imported a module keeps it."""
    import zmqfast

    if _finder not in sys.meta_path:
        return
    zmqfast.__version__ = zmqfast.version.__version__
    sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if name == "zmq" or name.startswith("zmq.")]:
        del sys.modules[name]


def own_name(name: str) -> str:
    """Where zmqfast has the module that pyzmq calls `name`."""
    path = name.removeprefix("zmq").removeprefix(".")
    if not path:
        return "zmqfast"
    if path.partition(".")[0] in _COMPAT:
        return f"zmqfast.compat.{path}"
    for theirs, own in _OWN_NAME.items():
        if path == theirs or path.startswith(f"{theirs}."):
            return f"zmqfast.{own}{path.removeprefix(theirs)}"
    return f"zmqfast.{path}"


class Finder(MetaPathFinder):
    """Finds zmqfast's modules under pyzmq's names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of `zmq` or `zmq.X`; None for everything else.

        Raises:
            ModuleNotFoundError: zmqfast has no such module. pyzmq's is not taken instead: it would be a second zmq.
        """
        if fullname != "zmq" and not fullname.startswith("zmq."):
            return None
        own = importlib.util.find_spec(own_name(fullname))
        if own is None:
            raise ModuleNotFoundError(f"No module named {fullname!r} in zmqfast", name=fullname)
        spec = ModuleSpec(fullname, OwnLoader(own), origin=own.origin)
        spec.submodule_search_locations = own.submodule_search_locations
        return spec


class OwnLoader(Loader):
    """Loads by importing the module under its own name; its attributes stay as they are."""

    def __init__(self, own: ModuleSpec) -> None:
        self.own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself, imported under its own name."""
        return importlib.import_module(self.own.name)

    def exec_module(self, module: ModuleType) -> None:
        """It has run already. What the import system has just written into it is put right again."""
        module.__spec__ = self.own

    def get_code(self, name: str) -> CodeType | None:
        """The code of the module, for `python -m zmq.log`."""
        loader: Any = self.own.loader
        code: CodeType | None = loader.get_code(self.own.name)
        return code


_finder = Finder()
