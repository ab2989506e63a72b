"""What the pages say of pyzmq's own tests is what the last whole run found."""

from __future__ import annotations

import json

import pytest
from dropin.pass_rate import RECORDED, SENTENCE, pages, replaced, sentence
from dropin.pyzmq_suite import NOT_RUN, VERSION, reason_for

RESULT = json.loads(RECORDED.read_text(encoding="utf-8"))


def test_the_pages_say_what_was_found():
    for page, text in pages(RESULT).items():
        assert page.read_text(encoding="utf-8") == text


def test_every_test_that_does_not_pass_has_its_reason_of_today():
    assert RESULT["failed"] == {test: reason_for(test) for test in RESULT["failed"]}
    assert all(RESULT["failed"].values())
    assert (RESULT["not_run"], RESULT["pyzmq"]) == (NOT_RUN, VERSION)


def test_another_result_is_another_sentence():
    text = f"# zmqfast\n\n{sentence(RESULT)}\n\nmore\n"
    better = {**RESULT, "passed": RESULT["passed"] + 1}
    assert replaced(SENTENCE, text, sentence(better)) == f"# zmqfast\n\n{sentence(better)}\n\nmore\n" != text
    with pytest.raises(ValueError, match="no place"):
        replaced(SENTENCE, "nothing", sentence(better))
