"""Decorators: a function gets a new context or socket as an argument, which is closed when it returns.

    @context()
    @socket(zmq.PUB)
    def publish(context, publisher): ...
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from collections.abc import Callable

from zmqfast.context import Context

__all__ = ["context", "socket"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def context(*args: Any, **kwargs: Any) -> Callable[[FunctionT], FunctionT]:
    """Give the function a new Context, as its last argument, and destroy it when the function returns.

    Args:
        name: first, or by its name: the keyword argument to give it as, instead.
        args, kwargs: of Context().
    """
    name, args = _take_name(args, kwargs)
    return _decorator(name, lambda *_, **__: Context(*args, **kwargs))


def socket(*args: Any, **kwargs: Any) -> Callable[[FunctionT], FunctionT]:
    """Give the function a new Socket, as its last argument, and close it when the function returns.

    Args:
        name: first, or by its name: the keyword argument to give it as, instead.
        context_name: the keyword argument whose Context opens the socket, "context" by default; else it is the first
            Context among the arguments, else Context.instance().
        args, kwargs: of Context.socket().
    """
    name, args = _take_name(args, kwargs)
    context_name = kwargs.pop("context_name", "context")

    def open_socket(*call_args: Any, **call_kwargs: Any) -> Any:
        owner = call_kwargs.get(context_name)
        if not isinstance(owner, Context):
            owner = next((value for value in call_args if isinstance(value, Context)), None) or Context.instance()
        return owner.socket(*args, **kwargs)

    return _decorator(name, open_socket)


def _take_name(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str | None, tuple[Any, ...]]:
    """The name to give the argument, and the arguments that are left."""
    if args and isinstance(args[0], str):
        if "name" in kwargs:
            raise TypeError("the name is given twice")
        return args[0], args[1:]
    return kwargs.pop("name", None), args


def _decorator(
    name: str | None, open_resource: Callable[..., AbstractContextManager[Any]]
) -> Callable[[FunctionT], FunctionT]:
    def decorate(function: FunctionT) -> FunctionT:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if name is not None and name in kwargs:
                raise TypeError(f"{function.__name__}() got multiple values for argument {name!r}")
            with open_resource(*args, **kwargs) as resource:
                if name is None:
                    return function(*args, resource, **kwargs)
                return function(*args, **{**kwargs, name: resource})

        return call  # type: ignore[return-value]

    return decorate
