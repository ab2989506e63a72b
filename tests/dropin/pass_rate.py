"""What README.md and docs/drop-in.md say of pyzmq's own tests: written from the saved result of a whole run.

`make test-pyzmq-suite`, then `python tests/dropin/pass_rate.py build/pyzmq-suite/result.json`: keeps the result as
pyzmq_suite.json and writes both pages.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).with_name("pyzmq_suite.json")
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "drop-in.md"

SENTENCE = re.compile(r"^Of pyzmq [\d.]+'s own \d+ tests .*?(?=\n\n)", re.MULTILINE | re.DOTALL)
TABLE_HEAD = "| test of pyzmq's that zmqfast does not pass | why |\n| --- | --- |\n"
TABLE = re.compile(re.escape(TABLE_HEAD) + r"(?:\|.*\n)*")


def sentence(result: dict[str, Any]) -> str:
    """The pass rate, in README's words."""
    passed, failed = result["passed"], len(result["failed"])
    text = (f"Of pyzmq {result['pyzmq']}'s own {passed + failed} tests that can run, {passed} pass on zmqfast"
            f" ({100 * passed / (passed + failed):.1f} %); [the others](docs/drop-in.md#pyzmqs-own-tests) look into"
            f" pyzmq's insides or want what differs on purpose (`make\0test-pyzmq-suite`, run on {result['date']}:"
            f" libzmq {result['libzmq']}, Python {result['python']}).")
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def table(result: dict[str, Any]) -> str:
    """Each test that does not pass, and each file that does not run, with its reason."""
    not_run = {f"{name}, not run": reason for name, reason in result["not_run"].items()}
    return TABLE_HEAD + "".join(f"| {name} | {reason} |\n" for name, reason in {**result["failed"], **not_run}.items())


def replaced(pattern: re.Pattern[str], text: str, new: str) -> str:
    """The text with the one place that the pattern matches written anew.

    Raises:
        ValueError: there is no such place.
    """
    text, count = pattern.subn(lambda match: new, text, count=1)
    if not count:
        raise ValueError(f"no place for: {new[:60]}…")
    return text


def pages(result: dict[str, Any]) -> dict[Path, str]:
    """The text of each page, as the result wants it."""
    return {README: replaced(SENTENCE, README.read_text(encoding="utf-8"), sentence(result)),
            PAGE: replaced(TABLE, PAGE.read_text(encoding="utf-8"), table(result))}


if __name__ == "__main__":
    RECORDED.write_text(Path(sys.argv[1]).read_text(encoding="utf-8"), encoding="utf-8")
    for page, text in pages(json.loads(RECORDED.read_text(encoding="utf-8"))).items():
        page.write_text(text, encoding="utf-8")
