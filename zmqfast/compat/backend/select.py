"""zmq.backend.select: choosing a backend. There is one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from zmqfast.compat.backend import __all__ as public_api

__all__ = ["public_api", "select_backend"]


def select_backend(name: str) -> dict[str, Any]:
    """The public names of the backend module `name`.

    Raises:
        ImportError: no such backend, or it lacks a name.
    """
    module = import_module(name)
    missing = [wanted for wanted in public_api if not hasattr(module, wanted)]
    if missing:
        raise ImportError(f"{name} has no {', '.join(missing)}", name=name)
    return {wanted: getattr(module, wanted) for wanted in public_api}
