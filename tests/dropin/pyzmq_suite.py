"""Run pyzmq's own tests on zmqfast: `make test-pyzmq-suite`, or `python tests/dropin/pyzmq_suite.py [FILE]...`.

The tests come from pyzmq's source distribution, fetched when they are run, and are kept in build/ only. Each file runs
in a process of its own, with a time limit for each test. The report says what passed; the status is 1 when a test
failed that is not in EXCLUDED, or when one in EXCLUDED passed. A whole run leaves its result in
build/pyzmq-suite/result.json, from which pass_rate.py writes what the pages say.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tarfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import zmqfast

VERSION = "27.3.0"
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "pyzmq-suite"
RESULT = FOLDER / "result.json"
PACKAGES = FOLDER / "packages"      # what only these tests need, and what would disturb our own
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
SITECUSTOMIZE = "import zmqfast\n\nzmqfast.install_as_zmq()\n"    # also for the processes that the tests start
TEST_TIMEOUT_S = 30
FILE_TIMEOUT_S = 300
FILES_AT_A_TIME = 2
TRIES_ALONE = 3
GOOD = ("passed", "skipped")

NOT_RUN = {                 # whole files about how pyzmq is made
    "test_cffi_backend.py": "pyzmq's other backend",
    "test_mypy.py": "runs mypy over pyzmq's own stubs and examples",
}
EXCLUDED = {                # test, a pattern → why zmqfast does not pass it
    "test_asyncio.test_poll_leak": "counts the entries of a private list, _recv_futures",
    "test_future.TestFutureSocket.test_close_all_fds": "attaches a socket to tornado's loop by a private method, _get_loop",
    "test_context.TestContext*.test_context_manager":
        "wanted difference: `with Context()` closes sockets without a ResourceWarning, as that is what it is for",
    "test_socket.TestSocketGreen.test_warn_?et_timeo":
        "wanted difference: green sockets keep RCVTIMEO and SNDTIMEO, so there is nothing to warn of",
    "test_zmqstream.test_shadow_socket_close":
        "wanted difference: a stream whose socket is closed ends; no descriptor of it is left that could mislead",
    "test_includes.TestIncludes.*": "the names of pyzmq's folders",
    "test_message.TestFrame.test_above_30": "looks into pyzmq's garbage thread",
    "test_message.TestFrame.test_lifecycle*": "looks into pyzmq's garbage thread",
    "test_message.TestFrame.test_bytes": "wanted difference: a frame that was made of bytes gives them back, uncopied",
    "test_message.TestFrame.test_buffer_out": "wanted difference: each view of a frame is its own",
}


def fetch() -> Path:
    """The folder with pyzmq's tests, unpacked; pip's own settings say where from."""
    tests = FOLDER / f"pyzmq-{VERSION}" / "tests"
    if not tests.is_dir():
        subprocess.run([*PIP, "download", "--quiet", "--no-deps", "--no-binary", "pyzmq", "--dest", FOLDER,
                        f"pyzmq=={VERSION}"], check=True)
        with tarfile.open(FOLDER / f"pyzmq-{VERSION}.tar.gz") as archive:
            wanted = [member for member in archive.getmembers()
                      if member.name.split("/")[1:2] in (["tests"], ["pytest.ini"])]
            archive.extractall(FOLDER, wanted, filter="data")
    if not PACKAGES.is_dir():
        subprocess.run([*PIP, "install", "--quiet", "--no-deps", "--target", PACKAGES, "pytest-asyncio>=1.2"], check=True)
    (FOLDER / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return tests


def run_file(file: Path) -> dict[str, str]:
    """The outcome of each test of a file: passed, skipped, or the first line of what went wrong.

    Several of these tests want something within some ms, or race a subscription. One that fails here runs again, alone,
    a few times at most, and says so when it passes.
    """
    outcomes = run_tests(file, [f"tests/{file.name}"], file.stem)
    for turn in range(TRIES_ALONE):
        failed = {test: outcome for test, outcome in outcomes.items()
                  if outcome not in GOOD and not reason_for(test) and test != file.stem}
        if not failed:
            break
        again = run_tests(file, [node_id(file, test) for test in failed], f"{file.stem}-again")
        for test, outcome in failed.items():
            if again.get(test) == "passed":
                print(f"    {test}: {outcome[:150]}   [passed when it ran again, alone, {turn + 1}]", flush=True)
                outcomes[test] = "passed"
    return outcomes


def node_id(file: Path, test: str) -> str:
    """How pytest names a test: `tests/test_socket.py::TestSocket::test_bind` for test_socket.TestSocket.test_bind."""
    name = test.removeprefix(f"{file.stem}.")
    owner, dot, method = name.partition(".")
    return f"tests/{file.name}::" + (f"{owner}::{method}" if dot and owner.isidentifier() else name)


def run_tests(file: Path, tests: list[str], name: str) -> dict[str, str]:
    """Run tests of a file in a process of their own; its log and its report have this name."""
    report = FOLDER / f"{name}.xml"
    report.unlink(missing_ok=True)
    path = os.pathsep.join(filter(None, [str(FOLDER), str(PACKAGES), str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests,
               f"--timeout={TEST_TIMEOUT_S}", f"--junit-xml={report}"]
    with (FOLDER / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=file.parents[1], env=environment, stdout=log, stderr=log)
        try:
            process.wait(FILE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if not report.is_file():
        return {file.stem: f"ended with {process.returncode} before it had a report"}
    return read_report(report)


def read_report(report: Path) -> dict[str, str]:
    """The outcome of each test in a JUnit file."""
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        # an unpacked module's name is tests.test_socket.TestSocket
        name = ".".join([*case.get("classname", "").split(".")[1:], case.get("name", "")]).removeprefix("tests.")
        outcome = "passed"
        for child in case:
            if child.tag in ("failure", "error"):
                outcome = (child.get("message") or child.tag).partition("\n")[0]
            elif child.tag == "skipped":
                outcome = "skipped"
        if outcomes.get(name, "passed") == "passed":    # a test may pass and its end still fail
            outcomes[name] = outcome
    return outcomes


def reason_for(test: str) -> str | None:
    return next((reason for pattern, reason in EXCLUDED.items() if fnmatchcase(test, pattern)), None)


def main(wanted: list[str]) -> int:
    """Run the files, print what failed and a table; returns the status for the process."""
    tests = fetch()
    files = [file for file in sorted(tests.glob("test_*.py"))
             if file.name not in NOT_RUN and (not wanted or file.name in wanted)]
    counts: Counter[str] = Counter()
    failed: dict[str, str | None] = {}
    unexpected: list[str] = []
    with ThreadPoolExecutor(FILES_AT_A_TIME) as threads:
        for file, outcomes in zip(files, threads.map(run_file, files), strict=True):
            kinds = Counter(outcome if outcome in GOOD else "failed" for outcome in outcomes.values())
            counts += kinds
            print(f"{file.name:32} " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())), flush=True)
            for test, outcome in outcomes.items():
                reason = reason_for(test)
                if outcome not in GOOD:
                    failed[test] = reason
                    print(f"    {test}: {outcome[:150]}" + (f"   [excluded: {reason}]" if reason else ""))
                if (reason is None) != (outcome in GOOD):
                    unexpected.append(test)
    ran = counts["passed"] + counts["failed"]
    print(f"\npyzmq {VERSION}'s tests on zmqfast: {counts['passed']} of {ran} passed"
          f" ({100 * counts['passed'] / max(ran, 1):.1f} %), {counts['skipped']} skipped;"
          f" not run: {', '.join(f'{name} ({reason})' for name, reason in NOT_RUN.items())}")
    for test in unexpected:
        print(f"not as expected: {test}")
    if not unexpected and not wanted:
        result = {"pyzmq": VERSION, "passed": counts["passed"], "skipped": counts["skipped"], "failed": failed,
                  "not_run": NOT_RUN, "date": time.strftime("%Y-%m-%d"), "libzmq": zmqfast.zmq_version(),
                  "python": platform.python_version()}
        RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
