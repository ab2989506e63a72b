"""Everything public in the installed pyzmq is in zmqfast, or in the table of differences."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterable

import pytest

pytest.importorskip("zmq")

from differential.differences import GREEN, is_wanted
from parity.interface import both, is_here, members, methods, module_names, public_names
from parity.signatures import refused_call, signatures_of

MODULES = module_names()
HERE = [name for name in MODULES if is_here(name)]
USABLE = [pytest.param(name, marks=pytest.mark.skipif(name.startswith("zmq.green") and not GREEN, reason="needs gevent"))
          for name in HERE]


def check(differences: Iterable[tuple[str, str, str]]) -> None:
    """Each (case, pyzmq's, ours) is a difference; it is wanted only if the table has a row for it."""
    unwanted = [f"{case}: pyzmq {theirs}, zmqfast {ours}" for case, theirs, ours in differences
                if not is_wanted(f"interface: {case}", theirs, ours)]
    assert not unwanted, f"{len(unwanted)} differ:\n" + "\n".join(unwanted)


def test_every_module_is_there():
    check((name, "a module", "missing") for name in MODULES if name not in HERE)


@pytest.mark.parametrize("name", USABLE)
def test_every_name_is_there(name):
    theirs, ours = both(name)
    check((f"{name}.{attribute}", "there", "missing") for attribute in public_names(theirs)
          if hasattr(theirs, attribute) and not hasattr(ours, attribute))


@pytest.mark.parametrize("name", USABLE)
def test_every_constant_has_its_value(name):
    check((full, repr(theirs), repr(ours)) for full, theirs, ours in members(name)
          if isinstance(theirs, (int, str, bytes)) and theirs != ours)


@pytest.mark.parametrize("name", USABLE)
def test_every_enum_has_the_same_members(name):
    for full, theirs, ours in members(name):
        if isinstance(theirs, type) and issubclass(theirs, enum.Enum) and theirs.__module__.startswith("zmq"):
            check((f"{full}.{member}", repr(value.value), repr(getattr(ours.__members__.get(member), "value", "missing")))
                  for member, value in theirs.__members__.items()
                  if member not in ours.__members__ or ours[member].value != value.value)


@pytest.mark.parametrize("name", USABLE)
def test_every_class_has_the_same_methods(name):
    check((f"{full}.{method}", "there", "missing") for full, theirs, ours in classes(name)
          for method, _, our_method in methods(theirs, ours)
          if our_method is None and method != "__init__" and inspect.getattr_static(theirs, method) is not None)


@pytest.mark.parametrize("name", USABLE)
def test_every_call_is_accepted(name):
    check(refused_calls(name))


@pytest.mark.parametrize("name", USABLE)
def test_every_exception_is_what_it_was(name):
    for full, theirs, ours in classes(name):
        if issubclass(theirs, BaseException):
            check((full, base.__name__, "not one") for base in theirs.__mro__
                  if base.__name__ not in [other.__name__ for other in ours.__mro__])


def classes(name: str) -> Iterable[tuple[str, type, type]]:
    return [member for member in members(name) if isinstance(member[1], type) and isinstance(member[2], type)
            and member[1].__module__.startswith("zmq")]


def refused_calls(name: str) -> Iterable[tuple[str, str, str]]:
    """The functions and methods of a module that refuse arguments which pyzmq's takes."""
    for full, theirs, ours in members(name):
        if isinstance(theirs, type):
            if not isinstance(ours, type) or issubclass(theirs, enum.Enum) or not theirs.__module__.startswith("zmq"):
                continue
            for method, _, _ in methods(theirs, ours):
                if callable(getattr(theirs, method)) and hasattr(ours, method):
                    yield from refused(f"{full}.{method}", getattr(theirs, method), getattr(ours, method))
        elif callable(theirs) and inspect.isroutine(theirs):
            yield from refused(full, theirs, ours)


def refused(full: str, theirs: object, ours: object) -> Iterable[tuple[str, str, str]]:
    for signature in signatures_of(theirs):
        call = refused_call(signature, signatures_of(ours))
        if call:
            yield full, f"takes {call}", "does not"
