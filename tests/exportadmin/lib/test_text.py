"""Names are one line that a list, a log and a terminal may show."""

from __future__ import annotations

import io

import pytest

from exportadmin.lib.command import AppCommand
from exportadmin.lib.errors import UserError
from exportadmin.lib.masking import scrub_text
from exportadmin.lib.text import as_sentence, check_line


@pytest.mark.parametrize("bad", ["a\x1b[31mb", "a\nb", "a\rb", "tab\t", "\x7f", "\x85", "\u2028", "\x00", "\ud800"])
def test_what_would_play_with_a_terminal_is_no_name(bad: str):
    with pytest.raises(UserError, match="name holds"):
        check_line(bad, "name")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_files_call_things_gives_a_terminal_no_orders_and_is_whole_in_a_pipe(stream: str):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    name = "car\x1b]0;owned\x07\r\u202egnp.exe\tGröße\n"
    for out, shown in ((Terminal(), "car\ufffd]0;owned\ufffd\ufffd\ufffdgnp.exe\tGröße\n"), (io.StringIO(), name)):
        command = AppCommand(**{stream: out}, no_color=True)
        getattr(command, stream).write(name)
        assert out.getvalue() == shown


@pytest.mark.parametrize("good", ["Sprint 41", "Größe 6 µm", "港の船", "a\u200db", "👩‍🚀"])
def test_what_people_write_is_a_name(good: str):
    assert check_line(good, "name") == good


@pytest.mark.parametrize(
    "text", ["mypassword=hunter2x", "a-b-c-password=hunter2x", "X" * 90 + "password=hunter2x", "api_key: hunter2x"]
)
def test_secrets_are_found_behind_any_prefix(text: str):
    assert "hunter2x" not in scrub_text(text.replace(": ", ":"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the bucket stands in the path", "The bucket stands in the path."),
        ("https://… of a store; empty: Amazon S3", "https://… of a store; empty: Amazon S3."),
        ("arn:aws:iam::1:role/x", "arn:aws:iam::1:role/x."),
        ("host:port of an endpoint", "host:port of an endpoint."),
        ("such as AKIA…", "Such as AKIA…"),
        (" done already. ", "Done already."),
        ("", ""),
    ],
)
def test_words_become_a_sentence_and_names_stay_as_they_are(text: str, sentence: str):
    assert as_sentence(text) == sentence
