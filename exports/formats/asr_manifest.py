"""``asr_manifest``: a line a transcribed stretch of sound, as NVIDIA's NeMo reads them."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import orjson

from connections.rows.batch import BODY, RowBatch
from connections.rows.counts import BESIDE, REGION_ANSWERS
from connections.rows.csv import address_of
from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION
from connections.rows.kinds.base import Kind
from connections.rows.labels import kept_of, labels_of
from connections.rows.media import mime_type
from exports.formats.annotators import annotator_of
from exports.formats.base import CannotHoldError, Format, FormatContext, Option, TextOption
from exports.spec.labels import SKIPPED_LABELS

FIRST: Final = "first"
TRANSCRIPT: Final = TextOption(
    "transcript",
    (FIRST,),
    "The question whose text is what is heard. first: the first of a label or region that was answered with a text.",
    pattern=r"[^\x00-\x1f]+",
    expected="first, or the name of a question",
)
NULL, REFUSE = "null", "refuse"
DURATION: Final = Option(
    "unknown_duration",
    (NULL, REFUSE),
    "null: a line whose length nobody says has null, which NeMo does not read, and is counted. refuse: its row is "
    "refused.",
)
_SOURCE: Final = "label_studio"
_SOUND: Final = ("audio", "video")
_NUMBERS: Final = frozenset({int, float})
_NOTHING: Final[Mapping[str, Any]] = {}
_Json = Mapping[str, Any]


class AsrManifestFormat(Format):
    """``{"audio_filepath", "offset", "duration", "text", "annotator", "data_row_id"}``, seconds.

    A text about a whole recording is a line without ``offset``, one about a stretch of it a line with; several texts of
    one answer are one line, with blanks between. The path is the row's address.
    """

    key = "asr_manifest"
    title = "ASR manifest (NeMo)"
    help = (
        "One line of JSON a transcript: address, duration, text. Unlike Label Studio's: a line for each region with a "
        "text, with its offset, not only for the first text of a task; no sound is fetched, so that a length is known "
        "only where Label Studio or the data says it; rows that are no sound have no line, counted."
    )
    extension = "json"
    media_type = "application/x-ndjson"
    columns = frozenset({BODY})
    cannot_hold = frozenset({SKIPPED_LABELS, *BESIDE}) - {REGION_ANSWERS}
    options = (TRANSCRIPT, DURATION)
    refusals = MappingProxyType({"no_duration": "how long the sound is, is not known"})
    note_texts = MappingProxyType(
        {
            "no_transcript": "answers that are no transcript, left out",
            "no_sound": "texts on rows that are no sound, left out",
            "no_duration": "lines whose length is not known: null, which NeMo does not read",
        }
    )

    def __init__(self, context: FormatContext) -> None:
        # of the optional parts only who made a label is read
        super().__init__(dataclasses.replace(context, parts=context.parts & {"label_details"}))
        self._question = context.options.get(TRANSCRIPT.name, FIRST)
        self._refuses = context.options.get(DURATION.name, NULL) == REFUSE
        self._notes: Counter[str] = Counter()

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind is CLASSIFICATION

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        lines: list[bytes] = []
        for index, document in enumerate(self.documents(batch)):
            notes: Counter[str] = Counter()
            try:
                made = [*self._lines(document, notes)]
            except CannotHoldError as error:
                self.refuse(batch, index, error)
                continue
            lines += made
            self._notes += notes
        yield b"".join(lines)

    def notes(self) -> dict[str, int]:
        return dict(self._notes)

    def _lines(self, document: _Json, notes: Counter[str]) -> Iterator[bytes]:
        address = address_of(document)
        is_sound = bool(address) and _may_be_sound(document["media_attributes"], address)
        for label in labels_of(document):
            for answers, place in _groups(label):
                texts = self._transcript(answers)
                notes["no_transcript"] += len(answers) - len(texts)
                if not texts:
                    continue
                if not is_sound:
                    notes["no_sound"] += len(texts)
                    continue
                line: dict[str, Any] = {"audio_filepath": address}
                if place is not None:
                    line["offset"] = place[0]
                    duration: float | None = round(place[1] - place[0], 6)
                else:
                    duration = _duration(document, label)
                if duration is None:
                    if self._refuses:
                        raise CannotHoldError("no_duration", "neither an annotation nor the data says how long it is")
                    notes["no_duration"] += 1
                line |= {"duration": duration, "text": " ".join(texts), "annotator": annotator_of(label)}
                line["data_row_id"] = document["data_row"]["id"]
                yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    def _transcript(self, answers: Sequence[_Json]) -> list[str]:
        """The texts of the question that is meant, in their order."""
        texts = [(one["name"], one["text_answer"].get("content")) for one in answers if one.get("text_answer")]
        question = self._question if self._question != FIRST else next((name for name, _ in texts), "")
        return [text for name, text in texts if name == question and type(text) is str]


def _may_be_sound(media: _Json, address: str) -> bool:
    """Where nothing says what it is, it may be."""
    sort = media.get("asset_type")
    if sort is None:
        in_address = address.partition(":")[2] if address[:5].lower() == "data:" else mime_type(address)
        sort = media.get("mime_type") or in_address
    return not sort or str(sort).partition("/")[0].lower() in _SOUND


def _groups(label: _Json) -> Iterator[tuple[list[_Json], tuple[float, float] | None]]:
    """Answers that belong together, with the ``(begin, end)`` of what they are about; ``None``: all of it."""
    whole: list[_Json] = []
    # of answers with a place but without a region
    placed: dict[tuple[float, float], list[_Json]] = {}
    for answer in answers_of(label["annotations"]):
        place = _place(answer)
        (whole if place is None else placed.setdefault(place, [])).append(answer)
    if whole:
        yield whole, None
    for place, answers in placed.items():
        yield answers, place
    for mark in objects_of(label["annotations"]):
        if mark.get("classifications"):
            yield mark["classifications"], _place(mark)


def _place(mark: _Json) -> tuple[float, float] | None:
    value = kept_of(_SOURCE, mark).get("value")
    value = value if isinstance(value, dict) else _NOTHING
    begin, end = _seconds(value.get("start")), _seconds(value.get("end"))
    return None if begin is None or end is None or begin > end else (begin, end)


def _duration(document: _Json, label: _Json) -> float | None:
    """Of the whole recording, where anything says it."""
    marks = [*answers_of(label["annotations"]), *objects_of(label["annotations"])]
    data = kept_of(_SOURCE, document).get("data")
    stated = [kept_of(_SOURCE, mark).get("original_length") for mark in marks]
    stated += [document["media_attributes"].get("duration")]
    if isinstance(data, dict):
        stated.append(data.get("duration"))
    return next(filter(None, map(_seconds, stated)), None)


def _seconds(value: Any) -> float | None:
    return value if type(value) in _NUMBERS and value >= 0 and math.isfinite(value) else None
