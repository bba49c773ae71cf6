"""What a row says, read without trusting it: it may come from any file or platform, and be of any shape.

A row's *works* are its labels and, of a row with ``experiments``, what models predicted of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from connections.models import Project
from connections.rows.media_types import media_type_of

MOST_CHARACTERS: Final = 300
# so deep are answers below answers told
_DEEPEST: Final = 4
_NOTHING: Final[Mapping[str, Any]] = {}


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else _NOTHING


def sequence(value: object) -> Sequence[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else ()


def objects(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, or of the values of an object."""
    values = value.values() if isinstance(value, Mapping) else sequence(value)
    return (each for each in values if isinstance(each, Mapping))


def whole(value: object) -> int | None:
    """A whole number: an ``int``, or the text of one, as keys of JSON are."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15 else None


def number(value: object) -> float | None:
    """A finite number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]


def cut(value: object, most: int = MOST_CHARACTERS) -> str:
    """As text of so many characters at most."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def name_of(mark: Mapping[str, Any]) -> str:
    """The class of an object, or the question of an answer."""
    return cut(mark.get("name") or "(no class)", 80)


def kind_of(mark: Mapping[str, Any]) -> str:
    """Its ``annotation_kind``; empty where it has none."""
    kind = mark.get("annotation_kind")
    return kind if isinstance(kind, str) else ""


def confidence_of(mark: Mapping[str, Any]) -> str:
    """As text; empty where it has none."""
    confidence = number(mark.get("confidence"))
    return "" if confidence is None else f"{confidence:.2f}"


def answer_text(answer: Mapping[str, Any], depth: int = 0) -> str:
    """What was answered, with the answers below it: ``rain (how much: drizzle)``."""
    for key, value in answer.items():
        if key.endswith("text_answer"):
            return str(mapping(value).get("content", ""))
        if key.endswith("radio_answer"):
            return _chosen(mapping(value), depth)
        if key.endswith("checklist_answers"):
            return ", ".join(_chosen(one, depth) for one in objects(value))
    found = [mapping(value).get("content") for key, value in answer.items() if key.endswith("_answer")]
    return ", ".join(one if isinstance(one, str) else orjson.dumps(one).decode() for one in found if one is not None)


def _chosen(option: Mapping[str, Any], depth: int) -> str:
    name = str(option.get("name") or option.get("value") or "")
    below = answers_text(option.get("classifications"), depth + 1) if depth < _DEEPEST else "…"
    return f"{name} ({below})" if below and option.get("classifications") else name


def answers_text(answers: object, depth: int = 0) -> str:
    """Of several answers: ``occlusion: partial; colour: red``."""
    told = (f"{name_of(each)}: {answer_text(each, depth) or '–'}" for each in objects(answers))
    return cut("; ".join(told))


@dataclass(frozen=True, slots=True)
class Work:
    """One label, or one prediction of a model run. ``title`` tells whose it is."""

    title: str
    is_prediction: bool
    annotations: Mapping[str, Any]

    @property
    def objects(self) -> Iterator[Mapping[str, Any]]:
        """Its objects, but those in frames."""
        return objects(self.annotations.get("objects"))

    @property
    def answers(self) -> Iterator[Mapping[str, Any]]:
        """Its answers, but those in frames."""
        return objects(self.annotations.get("classifications"))


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row as previews read it. ``medium`` is a key of :data:`connections.rows.media_types.MEDIA_TYPES` or empty;
    ``works`` are its labels, then its predictions."""

    project: Project
    document: Mapping[str, Any]
    data_row: Mapping[str, Any]
    media: Mapping[str, Any]
    medium: str
    works: Sequence[Work]

    @property
    def content(self) -> str:
        """``row_data``: the media's address, or the text or JSON itself."""
        content = self.data_row.get("row_data")
        return content if isinstance(content, str) else ""


def read_row(document: Mapping[str, Any], project: Project) -> PreviewRow:
    """Any JSON object as a row."""
    data_row, media = mapping(document.get("data_row")), mapping(document.get("media_attributes"))
    works = [*_labels(document), *_of_runs(document)]
    kinds = [kind for work in works for kind in _kinds(work)]
    row_data = data_row.get("row_data")
    medium = media_type_of(media, row_data if isinstance(row_data, str) else "", kinds)
    return PreviewRow(project, document, data_row, media, medium, works)


def _labels(document: Mapping[str, Any]) -> Iterator[Work]:
    labels = [label for project in objects(document.get("projects")) for label in objects(project.get("labels"))]
    for place, label in enumerate(labels, 1):
        yield Work(_title("label", place, len(labels), label), False, mapping(label.get("annotations")))


def _of_runs(document: Mapping[str, Any]) -> Iterator[Work]:
    for model in objects(document.get("experiments")):
        for run in objects(model.get("runs")):
            named = " ".join(cut(part, 40) for part in (model.get("name"), run.get("name")) if part)
            for what, is_prediction in (("labels", False), ("predictions", True)):
                found = list(objects(run.get(what)))
                for place, each in enumerate(found, 1):
                    title = _title(what[:-1], place, len(found), each) + (f" in {named}" if named else "")
                    yield Work(title, is_prediction, mapping(each.get("annotations")))


def _title(what: str, place: int, count: int, label: Mapping[str, Any]) -> str:
    by = mapping(label.get("label_details")).get("created_by")
    title = f"{what} {place}" if count > 1 else what
    return f"{title} by {cut(by, 60)}" if by else title


def _kinds(work: Work) -> Iterator[str]:
    """Those by which the media can be known where nothing else tells them."""
    yield from map(kind_of, work.objects)
    if mapping(work.annotations.get("frames")):
        yield "Video"
    if any("message_id" in answer for answer in work.answers):
        yield "Conversational"
