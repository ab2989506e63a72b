"""`cimport zmqfast`, in an extension that is compiled here."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from errno import ENOTSOCK
from pathlib import Path

import pytest

import zmqfast as zmq

pytest.importorskip("Cython")
pytest.importorskip("setuptools")

SETUP = """\
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(name="handles", script_args=["-q", "build_ext", "--inplace"],
      ext_modules=cythonize([Extension("handles", ["handles.pyx"])], include_path={includes!r}, quiet=True))
"""


@pytest.fixture(scope="module")
def extension(tmp_path_factory):
    """The compiled handles.pyx."""
    folder = tmp_path_factory.mktemp("handles")
    (folder / "handles.pyx").write_text(Path(__file__).with_name("handles.pyx").read_text())
    (folder / "setup.py").write_text(SETUP.format(includes=zmq.get_includes()[:1]))
    built = subprocess.run([sys.executable, "setup.py"], cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    [file] = [file for suffix in importlib.machinery.EXTENSION_SUFFIXES for file in folder.glob(f"handles{suffix}")]
    spec = importlib.util.spec_from_file_location("handles", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_handles_are_libzmqs(extension, context):
    socket = context.socket(zmq.PAIR)
    assert extension.addresses(context, socket) == (context.underlying, socket.underlying)


def test_an_extension_sends_and_receives_without_python(extension, inproc_pair):
    push, source = inproc_pair(zmq.PUSH, zmq.PULL)
    target, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    for body in (b"one", b"three", b""):
        push.send(body)
    assert extension.relay(source, target, 3) == 8
    assert [pull.recv() for _ in range(3)] == [b"one", b"three", b""]
    source.rcvtimeo = 1     # ms
    assert extension.relay(source, target, 1) == -zmq.EAGAIN


def test_a_frame_shows_its_message(extension):
    assert extension.has_message(zmq.Frame(b"body"))


def test_subclasses_are_sockets_of_the_extension(extension, context, fresh_endpoint):
    class Own(zmq.Socket):
        pass

    own = context.socket(zmq.PULL, Own)
    endpoint = fresh_endpoint("inproc")
    own.bind(endpoint)
    push = context.socket(zmq.PUSH)
    push.connect(endpoint)
    push.send(b"body")
    assert extension.takes_a_socket(own) == b"body"
    with pytest.raises(TypeError):
        extension.takes_a_socket(context)


def test_what_is_closed_has_no_handle(extension):
    context = zmq.Context()
    socket = context.socket(zmq.PAIR)
    socket.close()
    with pytest.raises(zmq.ZMQError) as raised:
        extension.addresses(context, socket)
    assert raised.value.errno == ENOTSOCK
    context.term()
    with pytest.raises(RuntimeError):
        extension.addresses(context, socket)
