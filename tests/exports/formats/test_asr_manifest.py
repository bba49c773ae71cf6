"""NeMo's manifest: a line a transcribed stretch of sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connections.rows.batch import BODY
from exports import actions
from exports.spec.spec import ExportSpec
from tests.connections.rows.documents import document, label, text
from tests.connections.store.importing import write
from tests.exports.formats.running import batch_of, run
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "https://sounds.test/call.wav"


def result(kind: str, value: Any, *, id: str = "", name: str = "text", **more: Any) -> dict[str, Any]:
    return {"id": id or f"{name}1", "type": kind, "from_name": name, "to_name": "audio", "value": value, **more}


def said(*texts: str, name: str = "text", **more: Any) -> dict[str, Any]:
    return result("textarea", {"text": list(texts)}, name=name, **more)


@pytest.fixture
def deliver(settings, tmp_path: Path):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"

    def deliver(*results: dict[str, Any], options: Any = None, data: Any = None, **more: Any) -> tuple[Any, Any]:
        annotation = {"id": 5, "completed_by": 3, "result": list(results)}
        task = {"id": 1, "data": data or {"audio": ADDRESS}, "annotations": [annotation]}
        done = import_file(write(tmp_path, [task], "tasks.json"), "Calls")
        assert done.summary["refused_count"] == 0, done.summary
        spec = ExportSpec.parse({"format": "asr_manifest", "options": options or {}, **more}, done.project)
        report = actions.run_now(project=done.project, spec=spec, actor=SHELL)
        if not report.is_delivered:
            return [], report
        (artifact,) = [one for one in report.artifacts.all() if one.name.endswith(".json")]
        lines = (delivery_folder(report) / artifact.name).read_text().splitlines()
        return [json.loads(line) for line in lines], report

    return deliver


def test_a_text_about_a_recording_is_a_line_with_its_length(deliver):
    lines, report = deliver(said("good morning", original_length=12.5))
    assert lines == [
        {"audio_filepath": ADDRESS, "duration": 12.5, "text": "good morning", "annotator": 3, "data_row_id": "1"}
    ]
    assert report.check_values["notes"] == {}


def test_each_region_with_a_text_is_a_line_with_its_offset(deliver):
    first, second = {"start": 1.5, "end": 3.25, "channel": 0}, {"start": 4, "end": 6.1, "channel": 0}
    lines, report = deliver(
        result("labels", {**first, "labels": ["Speech"]}, id="a", name="label"),
        result("labels", {**second, "labels": ["Speech"]}, id="b", name="label"),
        result("textarea", {**first, "text": ["hello"]}, id="a"),
        result("textarea", {**second, "text": ["bye", "now"]}, id="b"),
    )
    assert [(one["offset"], one["duration"], one["text"]) for one in lines] == [
        (1.5, 1.75, "hello"),
        (4, 2.1, "bye now"),
    ]
    assert report.check_values["left_out_by_format"] == {"other": 2}


def test_a_region_that_has_only_a_text_is_a_line_too(deliver):
    lines, _ = deliver(result("textarea", {"start": 1, "end": 2.5, "channel": 0, "text": ["hello"]}, id="a"))
    assert [(one["offset"], one["duration"], one["text"]) for one in lines] == [(1, 1.5, "hello")]


def test_the_first_question_with_a_text_is_the_transcript_or_the_one_that_is_named(deliver):
    answers = [result("choices", {"choices": ["clear"]}, name="quality"), said("hello"), said("Ann", name="speaker")]
    lines, report = deliver(*answers)
    assert [one["text"] for one in lines] == ["hello"]
    assert report.check_values["notes"]["no_transcript"] == 2
    lines, _ = deliver(*answers, options={"transcript": "speaker"})
    assert [one["text"] for one in lines] == ["Ann"]


def test_a_length_that_nobody_says_is_null_and_counted_or_refuses_the_row(deliver):
    lines, report = deliver(said("hello"))
    assert lines[0]["duration"] is None
    assert report.check_values["notes"] == {"no_duration": 1}
    _, report = deliver(said("hello"), options={"unknown_duration": "refuse"}, max_refused=1)
    assert report.check_values["rows_refused"] == {"no_duration": 1}


def test_the_data_may_say_the_length(deliver):
    lines, _ = deliver(said("hello"), data={"audio": ADDRESS, "duration": 7})
    assert lines[0]["duration"] == 7


def test_texts_about_a_picture_are_counted_and_no_line(deliver):
    lines, report = deliver(said("a cat"), data={"image": "https://pictures.test/cat.jpg"})
    assert lines == []
    assert report.check_values["notes"] == {"no_sound": 1}


@pytest.mark.parametrize(
    ("media", "address", "is_sound"),
    [
        ({}, "https://a.test/cat.jpg", False),
        ({}, "https://a.test/cat.JPG?sig=x", False),
        ({}, "data:image/png;base64,AAAA", False),
        ({"mime_type": "image/png"}, "https://a.test/cat", False),
        ({"asset_type": ["audio"]}, "https://a.test/call.wav", False),
        ({}, "https://a.test/call.wav", True),
        ({}, "https://a.test/call", True),
        ({"mime_type": "audio/wav"}, "https://a.test/call.bin", True),
        ({"asset_type": "video"}, "https://a.test/call.jpg", True),
    ],
)
def test_what_a_row_is_is_told_by_its_type_or_its_address(tmp_path, media, address, is_sound):
    row = document(label(text("transcript", "hello")), row_data=address)
    row["media_attributes"] = media
    content = run("asr_manifest", [batch_of([row], frozenset({BODY}))], tmp_path)
    assert bool(content) == is_sound
