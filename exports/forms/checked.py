"""What the form means: the description, or what is wrong with each input, and how times and pasted ids were read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connections.models import Project
from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exports.formats import FORMATS
from exports.forms.pasted import Pasted, short
from exports.forms.typed import WINDOWS, Typed
from exports.spec.spec import ExportSpec

# input → its words on screen, in the order of the page
LABELS: Final[dict[str, str]] = {
    "statuses": "Review status",
    "annotations": "Annotations",
    "since_revision": "Changed since",
    "updated_after": "Updated after",
    "last_activity_from": "Last activity from",
    "last_activity_to": "Last activity to",
    "label_created_from": "Label created from",
    "label_created_to": "Label created to",
    "batches": "Batches",
    "global_keys": "Global keys",
    "data_row_ids": "Data row ids",
    "format": "Format",
    "options": "Format options",
    "parts": "Parts",
    "name": "Name",
    "description": "Description",
    "key": "This form",
}
# the field of a UserError → the input that it is about
_INPUTS: Final[dict[str, str]] = {
    "include": "parts",
    "filter.with_annotations": "annotations",
    "filter.batch_ids": "batches",
    "filter.statuses": "statuses",
    "Idempotency-Key": "key",
}
LONGEST_NAME: Final = 200
LONGEST_DESCRIPTION: Final = 10_000
_A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_MISSING = 5


@dataclass(frozen=True, slots=True)
class Said:
    """The line under an input: how it was read, or what is wrong with it."""

    field: str
    label: str
    words: str = ""
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """``asked`` is there when ``errors`` (input → words) are none; ``read`` says how inputs were understood."""

    asked: ExportSpec | None
    errors: Mapping[str, str] = field(default_factory=dict)
    read: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, Said]:
        """Input → the line under it, in the order of the page."""
        return {
            name: Said(name, label, self.errors.get(name) or self.read.get(name, ""), name in self.errors)
            for name, label in LABELS.items()
        }

    @property
    def wrong(self) -> list[Said]:
        """What to correct, in the order of the page."""
        return [said for said in self.said.values() if said.is_wrong]

    def refused(self, error: UserError) -> Checked:
        """With what an action said of it."""
        name = _input(error)
        return Checked(None, {**self.errors, name: error.message}, self.read)

    def missing(self, typed: Typed, absent: Mapping[str, Sequence[str]]) -> Checked:
        """With the lines of pasted ids that name no row of the project."""
        read = dict(self.read)
        for name, values in absent.items():
            if not values:
                continue
            lines = Pasted.read(getattr(typed, name)).lines
            found = sorted((lines[value], value) for value in values if value in lines)
            shown = [f"line {line:,} ({short(value)})" for line, value in found]
            more = f" and {len(shown) - _MOST_MISSING:,} more" if len(shown) > _MOST_MISSING else ""
            read[name] = f"{read.get(name, '')} Not in this project: {', '.join(shown[:_MOST_MISSING])}{more}.".strip()
        return Checked(self.asked, self.errors, read)


def check(typed: Typed, project: Project) -> Checked:
    """Each input by itself, so that all that is wrong is said at once; then all of them together."""
    errors: dict[str, str] = {}
    sound = typed.format if typed.format in FORMATS else next(iter(FORMATS))
    for name, part in _pieces(typed):
        try:
            ExportSpec.parse({"format": sound, **part}, project)
        except UserError as error:
            errors.setdefault(name, _words(error))
    errors.update(dict(_of_texts(typed)))
    asked = None
    if not errors:
        try:
            asked = ExportSpec.parse(typed.body(), project)
        except UserError as error:
            errors[_input(error)] = _words(error)
    return Checked(asked, errors, dict(_readings(typed, project)))


def _pieces(typed: Typed) -> Iterator[tuple[str, dict[str, Any]]]:
    body, conditions = typed.body(), typed.conditions()
    yield "format", {"format": body["format"]}
    if typed.format in FORMATS:
        yield "options", {"options": body["options"]}
    yield "statuses", {"statuses": body["statuses"]}
    yield "parts", {"include": body["include"]}
    for key, (first, last) in WINDOWS.items():
        start, end = conditions.get(key, (None, None))
        yield first, {"filter": {key: [start, None]}}
        yield last, {"filter": {key: [None, end]}}
        if start and end:
            yield last, {"filter": {key: [start, end]}}
    for name, key in (
        ("since_revision", "since_revision"),
        ("updated_after", "updated_after"),
        ("batches", "batch_ids"),
        ("annotations", "with_annotations"),
    ):
        yield name, {"filter": {key: conditions.get(key)}}


def _of_texts(typed: Typed) -> Iterator[tuple[str, str]]:
    for name in ("global_keys", "data_row_ids"):
        if wrong := Pasted.read(getattr(typed, name)).wrong():
            yield name, wrong
    for name, longest in (("name", LONGEST_NAME), ("description", LONGEST_DESCRIPTION)):
        text = getattr(typed, name)
        try:
            check_text(text, LABELS[name])
        except UserError as error:
            yield name, error.message
        if len(text.strip()) > longest:
            yield name, f"{len(text.strip()):,} characters; at most {longest:,} are kept"


def _readings(typed: Typed, project: Project) -> Iterator[tuple[str, str]]:
    lead = {"updated_after": "After", "from": "From", "to": "Up to"}
    for name in ("updated_after", *(name for pair in WINDOWS.values() for name in pair)):
        text = getattr(typed, name).strip()
        try:
            ms = times.parse_ms(text, time_zone=project.time_zone) if text else None
        except UserError:
            continue
        if ms is None:
            continue
        word = lead.get(name) or lead[name.rpartition("_")[2]]
        day = " That is the first moment of that day." if word != "From" and _A_DAY.fullmatch(text) else ""
        yield name, f"{word} {utc(ms)}.{day}"
    for name, (one, many) in {"global_keys": ("key", "keys"), "data_row_ids": ("id", "ids")}.items():
        if getattr(typed, name).strip():
            pasted = Pasted.read(getattr(typed, name))
            count = len(pasted.lines)
            doubles = f", {pasted.doubles:,} given twice" if pasted.doubles else ""
            yield name, f"{count:,} {one if count == 1 else many}{doubles}."
    if not typed.name.strip() and typed.format in FORMATS:
        yield "name", f"Left empty, it is called “{suggested_name(typed, project)}”."


def suggested_name(typed: Typed, project: Project) -> str:
    """The name of an export or config that was given none."""
    return f"{project.name[:150]} {typed.format}"


def utc(ms: int) -> str:
    """``2026-11-20 23:00:00 UTC``; thousandths where there are any."""
    text = times.iso_utc(ms).removesuffix("+00:00").removesuffix(".000").replace("T", " ")
    return f"{text} UTC"


def _input(error: UserError) -> str:
    name = error.field or ""
    name = _INPUTS.get(name, name.removeprefix("filter."))
    return name if name in LABELS else WINDOWS.get(name, ("", "key"))[1]


def _words(error: UserError) -> str:
    """The error's words, with the screen's word for a key of the filter."""
    if error.field and error.field.startswith("filter."):
        label = "The window" if error.field.removeprefix("filter.") in WINDOWS else LABELS.get(_input(error), "It")
        return error.message.replace(error.field, label)
    return error.message
