"""Signatures, of pyzmq's callables and of ours, and whether a call of the one is a call of the other."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zmqfast

Kind = inspect._ParameterKind
STUB = ast.parse((Path(zmqfast.__file__).parent / "_core.pyi").read_text())


def signatures_of(value: Any) -> list[inspect.Signature]:
    """What may be called: one signature, or one for each overload; none where nothing tells."""
    try:
        return [inspect.signature(value)]
    except (TypeError, ValueError):
        return list(stub_signatures(value.__qualname__))


def stub_signatures(name: str) -> Iterator[inspect.Signature]:
    """The signatures that the core's stub gives a function, or Class.method; compiled code tells none."""
    *owner, function = name.split(".")
    body = STUB.body
    for class_name in owner:
        body = next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == class_name), [])
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            yield signature_from(node.args)


def signature_from(arguments: ast.arguments) -> inspect.Signature:
    positional = [*arguments.posonlyargs, *arguments.args]
    first_default = len(positional) - len(arguments.defaults)
    parameters = [
        inspect.Parameter(
            argument.arg,
            Kind.POSITIONAL_ONLY if place < len(arguments.posonlyargs) else Kind.POSITIONAL_OR_KEYWORD,
            default=... if place >= first_default else inspect.Parameter.empty)
        for place, argument in enumerate(positional)]
    if arguments.vararg:
        parameters.append(inspect.Parameter(arguments.vararg.arg, Kind.VAR_POSITIONAL))
    parameters += [
        inspect.Parameter(argument.arg, Kind.KEYWORD_ONLY,
                          default=... if default is not None else inspect.Parameter.empty)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults)]
    if arguments.kwarg:
        parameters.append(inspect.Parameter(arguments.kwarg.arg, Kind.VAR_KEYWORD))
    return inspect.Signature(parameters)


def refused_call(theirs: inspect.Signature, ours: list[inspect.Signature]) -> str | None:
    """A call that pyzmq's signature accepts and none of ours does; None when there is no such call."""
    for positional, named in calls_of(theirs):
        if not any(binds(signature.bind, positional, named) for signature in ours):
            return f"({', '.join([*positional, *(f'{name}=' for name in named)])})"
    return None


def binds(bind: Callable[..., Any], positional: list[str], named: list[str]) -> bool:
    try:
        bind(*positional, **dict.fromkeys(named))
    except TypeError:
        return False
    return True


def calls_of(signature: inspect.Signature) -> Iterator[tuple[list[str], list[str]]]:
    """Calls that use every public parameter: by position as far as possible, and each by its name."""
    parameters = [p for p in signature.parameters.values()
                  if p.kind not in (Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD) and (p.name[0] != "_" or p.default is p.empty)]
    by_place = [p.name for p in parameters if p.kind != Kind.KEYWORD_ONLY]
    required = [p.name for p in parameters if p.default is p.empty]
    yield by_place, [name for name in required if name not in by_place]
    for parameter in parameters:
        if parameter.kind == Kind.POSITIONAL_ONLY or parameter.name in ("self", "cls"):
            continue
        place = by_place.index(parameter.name) if parameter.name in by_place else len(by_place)
        before = [name for name in by_place[:place] if name in required]
        yield before, [*(name for name in required if name not in (*before, parameter.name)), parameter.name]
