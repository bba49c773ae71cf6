"""A secret that was used is taken out of logs and errors, wherever a library has put it and however it is written."""

from __future__ import annotations

import html
import json
import logging
import urllib.parse

import pytest

from exportadmin.lib.masking import HIDDEN, remember, scrub_text
from exportadmin.operations import logs

SECRET = 'pa"ss/wo+rd=é&1f7c'


@pytest.fixture(autouse=True)
def _used() -> None:
    remember(SECRET)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        json.dumps(SECRET),
        repr(SECRET),
        repr(SECRET.encode()),
        html.escape(SECRET),
    ],
)
def test_it_is_found_in_any_writing(written: str):
    assert scrub_text(f"ValueError: invalid header value {written}!") in (
        f"ValueError: invalid header value {HIDDEN}!",
        f'ValueError: invalid header value "{HIDDEN}"!',
        f"ValueError: invalid header value '{HIDDEN}'!",
        f"ValueError: invalid header value b'{HIDDEN}'!",
    )


def test_of_a_log_line_and_its_traceback():
    try:
        raise ValueError(f"a library says {SECRET}")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "f.py", 1, "failed: %s", (SECRET,), (ValueError, error, None))
    for form in (logs.JSON, logs.PLAIN):
        line = logs.formatter(form).format(record)
        assert "1f7c" not in line
        assert "failed: ***" in line


@pytest.mark.parametrize("word", ["", "short1", "completed", "team-exports", "built-in store", "20261231"])
def test_a_secret_that_is_an_ordinary_word_takes_no_word_from_others(word: str):
    remember(word)
    assert scrub_text(f"it is {word} already") == f"it is {word} already"
