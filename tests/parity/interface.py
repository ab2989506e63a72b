"""What pyzmq offers, found by looking at the installed one: modules, names, constants, classes, exceptions."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import types
import warnings
from collections.abc import Iterator
from typing import Any

import zmq as pyzmq

from zmqfast.compat.install import own_name

NOT_INTERFACE = (
    "zmq.backend.cffi",             # the other backend
    "zmq.eventloop._deprecated",    # cannot be imported in pyzmq either
    "zmq.tests",                    # where its tests once were
)


def module_names() -> list[str]:
    """pyzmq's modules, by name."""
    found = pkgutil.walk_packages(pyzmq.__path__, "zmq.", onerror=lambda name: None)
    return ["zmq", *(module.name for module in found if not module.name.startswith(NOT_INTERFACE)
                     and not module.name.endswith("__main__"))]


def is_here(name: str) -> bool:
    """Whether zmqfast has pyzmq's module of that name."""
    try:
        return importlib.util.find_spec(own_name(name)) is not None
    except ModuleNotFoundError:     # not even its package
        return False


def both(name: str) -> tuple[types.ModuleType, types.ModuleType]:
    """pyzmq's module and ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # some are deprecated, which importing them says
        return importlib.import_module(name), importlib.import_module(own_name(name))


def public_names(module: types.ModuleType) -> list[str]:
    """What a module offers: its __all__, else what is made in it and has no underscore."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(set(listed))
    return sorted(name for name, value in vars(module).items()
                  if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
                  and type(value).__name__ not in ("TypeVar", "ParamSpec"))


def members(module_name: str) -> Iterator[tuple[str, Any, Any]]:
    """The public names that both have: `zmq.Context`, pyzmq's value, ours."""
    theirs, ours = both(module_name)
    for name in public_names(theirs):
        if hasattr(theirs, name) and hasattr(ours, name):
            yield f"{module_name}.{name}", getattr(theirs, name), getattr(ours, name)


def methods(theirs: type, ours: type) -> Iterator[tuple[str, Any, Any]]:
    """The public methods, and the constructor, that pyzmq's class has of its own: name, pyzmq's, ours or None."""
    for name in dir(theirs):
        if (name == "__init__" or not name.startswith("_")) and made_by_pyzmq(theirs, name):
            yield name, inspect.getattr_static(theirs, name), inspect.getattr_static(ours, name, None)


def made_by_pyzmq(cls: type, name: str) -> bool:
    owner = next(base for base in cls.__mro__ if name in vars(base))
    return owner.__module__.startswith("zmq")
