"""What may be chosen in the form, with how many rows there are of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connections.rows.batch import PARTS
from connections.rows.review_statuses import REVIEW_STATUSES, WORKFLOW_GROUPS
from connections.store.overview import Overview
from exports.formats import FORMATS
from exports.forms.typed import WITH, WITHOUT, Typed

# part → its words, what it switches
PART_WORDS: Final[dict[str, tuple[str, str]]] = {
    "data_row_details": ("Data row details", "Data set, when the row came and changed, and by whom."),
    "attachments": ("Attachments", "Files and texts attached to the row."),
    "metadata_fields": ("Metadata fields", "The row's own metadata, such as tags and split."),
    "embeddings": ("Embeddings", "Vectors of numbers; often most of the file."),
    "label_details": ("Label details", "When and by whom each label was made and changed, and its reviews."),
    "performance_details": ("Performance details", "Seconds spent on each label, and its scores."),
    "project_details": ("Project details", "Review status, batch, priority and workflow history."),
}
GROUP_WORDS: Final[dict[str, str]] = {
    "ToLabel": "To label",
    "InReview": "In review",
    "InRework": "In rework",
    "Done": "Done",
}
# a list longer than this is read by nobody
LONGEST_LIST: Final = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A box or button. ``count`` is of rows; ``None`` where there is nothing to count."""

    value: str
    words: str
    chosen: bool
    count: int | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Review statuses of a workflow group."""

    words: str
    choices: tuple[Choice, ...]
    count: int


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """An option of a format; ``name`` is that of its input."""

    name: str
    words: str
    help: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """A format with its options."""

    choice: Choice
    options: tuple[OptionChoice, ...]


def choices_of(typed: Typed, overview: Overview) -> dict[str, Any]:
    """For the template: ``groups``, ``annotations``, ``batches``, ``parts``, ``formats``."""
    return {
        "groups": _groups(typed, overview.by_status),
        "annotations": [
            Choice(value, words, typed.annotations == value)
            for value, words in (("", "With and without"), (WITH, "Only rows with"), (WITHOUT, "Only rows without"))
        ],
        "batches": _batches(typed, overview.batches),
        "batches_are_cut": len(overview.batches) >= LONGEST_LIST,
        "parts": [Choice(part, words, part in typed.parts, help=help_) for part, words, help_ in _parts()],
        "formats": [_format(typed, key) for key in FORMATS],
    }


def _groups(typed: Typed, counts: Mapping[str, int]) -> list[Group]:
    groups = []
    for group in WORKFLOW_GROUPS:
        choices = tuple(
            Choice(status, status, status in typed.statuses, counts.get(status, 0))
            for status, of in REVIEW_STATUSES.items()
            if of == group
        )
        groups.append(Group(GROUP_WORDS.get(group, group), choices, sum(each.count or 0 for each in choices)))
    return groups


def _batches(typed: Typed, counts: Mapping[str, int]) -> list[Choice]:
    """Those that there are, and those that were asked for and are no more."""
    listed = dict.fromkeys([*counts, *typed.batches])
    return [Choice(batch, batch, batch in typed.batches, counts.get(batch, 0)) for batch in listed]


def _parts() -> list[tuple[str, str, str]]:
    return [(part, *PART_WORDS.get(part, (part, ""))) for part in PARTS]


def _format(typed: Typed, key: str) -> FormatChoice:
    writer = FORMATS[key]
    options = []
    for option in writer.options:
        name = f"{key}.{option.name}"
        wanted = typed.options.get(name, option.values[0])
        choices = tuple(Choice(value, value, value == wanted) for value in option.values)
        options.append(OptionChoice(name, option.name.replace("_", " ").capitalize(), option.help, choices))
    return FormatChoice(Choice(key, writer.title, typed.format == key, help=writer.help), tuple(options))
