"""install_as_zmq(): `import zmq` is zmqfast, each case in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import zmqfast
from program import run

ROOT = Path(zmqfast.__file__).parents[1]
PTH = ROOT / "packaging" / "as-zmq" / "zmqfast_as_zmq.pth"

MODULES = """\
asyncio constants error sugar sugar.context sugar.socket sugar.frame sugar.poll sugar.tracker sugar.version
sugar.stopwatch sugar.attrsettr backend backend.select backend.cython backend.cython._zmq _future _typing curve_keygen
""".split()


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python with zmqfast on its path."""
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment})


# -- the module objects ---------------------------------------------------------------------------------------------

def test_zmq_is_zmqfast_before_and_after_other_imports():
    assert run("""
        import zmqfast.asyncio
        zmqfast.install_as_zmq()
        import zmq, zmq.asyncio, zmq.error, zmq.constants
        import zmqfast.errors
        assert zmq is zmqfast and zmq.asyncio is zmqfast.asyncio
        assert zmq.error is zmqfast.errors and zmq.constants is zmqfast.constants
        from zmq import Context, error
        from zmq.asyncio import Context as AsyncContext
        assert Context is zmqfast.Context and AsyncContext is zmqfast.asyncio.Context and error is zmqfast.errors
        print("same")
    """) == "same\n"


def test_a_module_first_imported_as_zmq_is_the_same_under_its_own_name():
    assert run("""
        import zmqfast
        zmqfast.install_as_zmq()
        import zmq.asyncio
        import zmqfast.asyncio, sys
        assert sys.modules["zmq.asyncio"] is sys.modules["zmqfast.asyncio"]
        assert zmqfast.asyncio.__spec__.name == zmqfast.asyncio.__name__ == "zmqfast.asyncio"
        print("same")
    """) == "same\n"


def test_every_old_module_is_there():
    assert run(f"""
        import importlib, zmqfast
        zmqfast.install_as_zmq()
        for name in {MODULES!r}:
            module = importlib.import_module("zmq." + name)
            assert module.__name__.startswith("zmqfast"), module
        print("all")
    """) == "all\n"


def test_a_module_that_zmqfast_lacks_is_not_taken_from_pyzmq():
    assert run("""
        import zmqfast
        zmqfast.install_as_zmq()
        try:
            import zmq.backend.cffi
        except ModuleNotFoundError as error:
            print(error.name)
    """) == "zmq.backend.cffi\n"


def test_it_is_safe_to_repeat_and_can_be_undone():
    assert run("""
        import sys, zmqfast
        before = list(sys.meta_path)
        zmqfast.install_as_zmq()
        zmqfast.install_as_zmq()
        import zmq.sugar
        zmqfast.uninstall_as_zmq()
        zmqfast.uninstall_as_zmq()
        assert sys.meta_path == before
        print([name for name in sys.modules if name == "zmq" or name.startswith("zmq.")])
    """) == "[]\n"


def test_after_it_is_undone_pyzmq_can_be_imported():
    pytest.importorskip("zmq")
    assert run("""
        import zmqfast
        zmqfast.install_as_zmq()
        zmqfast.uninstall_as_zmq()
        import zmq
        print(zmq is zmqfast, zmq.Context is zmqfast.Context)
    """) == "False False\n"


def test_zmq_has_the_version_of_the_pyzmq_that_it_is_like():
    assert run("""
        import zmqfast, zmqfast.version
        own = zmqfast.__version__
        zmqfast.install_as_zmq()
        import zmq
        print(zmq.__version__ == zmq.pyzmq_version() != own)
        zmqfast.uninstall_as_zmq()
        print(zmqfast.__version__ == zmqfast.version.__version__ == own)
    """) == "True\nTrue\n"


def test_it_refuses_when_pyzmq_has_been_imported():
    pytest.importorskip("zmq")
    printed = run("""
        import zmq, zmqfast, sys
        before = list(sys.meta_path)
        try:
            zmqfast.install_as_zmq()
        except ImportError as error:
            print(error)
        assert sys.modules["zmq"] is zmq and sys.meta_path == before
    """)
    assert "another zmq has been imported already" in printed
    assert "site-packages" in printed


def test_a_package_that_only_begins_with_zmq_is_left_alone():
    assert run("""
        import importlib.util, zmqfast
        zmqfast.install_as_zmq()
        print(importlib.util.find_spec("zmqtools"))
    """) == "None\n"


# -- zmqfast run ----------------------------------------------------------------------------------------------------

def test_run_runs_a_script_as_python_would(tmp_path):
    (tmp_path / "beside.py").write_text("name = 'beside'\n")
    (tmp_path / "script.py").write_text(
        "import sys, zmq, beside\nprint(zmq.__name__, __name__, sys.argv[1:], beside.name, __file__ == sys.argv[0])\n")
    done = start("-m", "zmqfast", "run", str(tmp_path / "script.py"), "-x", "--help")
    assert (done.stdout, done.stderr) == ("zmqfast __main__ ['-x', '--help'] beside True\n", "")


def test_run_runs_a_module_with_its_arguments():
    done = start("-m", "zmqfast", "run", "-m", "zmq.curve_keygen", "--json")
    assert done.returncode == 0, done.stderr
    assert '"public"' in done.stdout


def test_run_ends_with_the_programs_status(tmp_path):
    (tmp_path / "script.py").write_text("import sys\nsys.exit(3)\n")
    assert start("-m", "zmqfast", "run", str(tmp_path / "script.py")).returncode == 3


@pytest.mark.parametrize("arguments", [[], ["-m"], ["-v"]])
def test_run_without_a_program_says_how_it_is_used(arguments):
    done = start("-m", "zmqfast", "run", *arguments)
    assert done.returncode == 1
    assert "Usage: zmqfast run" in done.stderr


# -- ZMQFAST_AS_ZMQ -------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def python_with_pth(tmp_path_factory):
    """A Python that has the .pth file in its site-packages."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    [packages] = [folder / "Lib" / "site-packages"] if os.name == "nt" else folder.glob("lib/python*/site-packages")
    (packages / PTH.name).write_text(PTH.read_text())
    return python


def in_child(python: Path, source: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "ZMQFAST_AS_ZMQ"}
    done = subprocess.run([python, "-c", source], capture_output=True, text=True, timeout=30,
                          env={**kept, "PYTHONPATH": str(ROOT), **environment})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_variable_reaches_a_process_and_its_children(python_with_pth):
    source = ("import subprocess, sys, zmq; print(zmq.__name__, flush=True); "
              "subprocess.run([sys.executable, '-c', 'import zmq; print(zmq.__name__)'], check=True)")
    assert in_child(python_with_pth, source, ZMQFAST_AS_ZMQ="1") == "zmqfast\nzmqfast\n"


def test_without_the_variable_nothing_is_imported(python_with_pth):
    source = "import sys; print([name for name in sys.modules if name.startswith('zmq')])"
    assert in_child(python_with_pth, source) == "[]\n"
    assert in_child(python_with_pth, source, ZMQFAST_AS_ZMQ="0") == "[]\n"


def test_importing_zmqfast_imports_no_old_module():
    assert run("""
        import sys, zmqfast
        print([name for name in sys.modules if name.startswith("zmqfast.compat")])
    """) == "[]\n"
