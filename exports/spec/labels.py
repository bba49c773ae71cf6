"""Which labels of a row leave with it, one class a choice and one line in :data:`LABEL_CHOICES`.

A row may have several labels: people who did the same work for a consensus, a benchmark beside them, work that was
skipped. The choice is the same for every format. A row that had labels of which none leaves stays out with them, since
without them it would look like a picture with nothing on it; so does, where labels of one sort are asked for, a row
without any.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import orjson

from connections.models import Project
from connections.rows.labels import (
    GROUND_TRUTH,
    NO_GROUND_TRUTH,
    SEVERAL,
    SKIPPED,
    Label,
    creator_of,
    ground_truths,
    is_skipped,
    labels_of,
)
from connections.store.overview import people
from exportadmin.lib.errors import UserError
from exportadmin.lib.registry import Registry

# why labels stay out, as counts of annotations name it
SKIPPED_LABELS: Final = "skipped_labels"
OLDER_LABELS: Final = "older_labels"
LABELS_OF_OTHERS: Final = "labels_of_others"
NOT_GROUND_TRUTH: Final = "labels_not_ground_truth"
NOT_SELECTED: Final = "labels_not_selected"
REASONS: Final = (SKIPPED_LABELS, OLDER_LABELS, LABELS_OF_OTHERS, NOT_GROUND_TRUTH, NOT_SELECTED)

# rows that stay out since none of their labels leaves are counted under this key, as rows that a condition drops under
# the condition's
NO_LABEL_LEFT: Final = "labels"
NO_LABEL_LEFT_TEXT: Final = "none of the labels that were chosen"

LONGEST_PERSON: Final = 200
_MOST_PEOPLE: Final = 12


@dataclass(frozen=True, slots=True)
class LabelChoice(ABC):
    """``key`` is its value in a description; ``title`` names it on screen, ``help`` says what it takes.

    A choice that takes a person is written ``key:PERSON``.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    takes_person: ClassVar[bool] = False
    # does a row without any label leave?
    keeps_unlabelled: ClassVar[bool] = True

    @abstractmethod
    def known(self, flags: int, creators: str) -> str | bool:
        """What the columns beside a row that has labels tell: ``True``, all of them leave; a reason, none does, for
        that reason; ``False``, the row has to be looked at. See :func:`connections.rows.labels.label_flags`."""

    @abstractmethod
    def reasons(self, labels: Sequence[Label]) -> list[str]:
        """Of each label why it stays out; empty where it leaves."""

    def reasons_in(self, document: Mapping[str, Any]) -> list[str]:
        """The same of a complete row, for a choice that asks more of it than its labels."""
        return self.reasons(labels_of(document))

    @property
    def text(self) -> str:
        """As it stands in a description."""
        return self.key

    @property
    def short(self) -> str:
        """For a person, in the middle of a sentence."""
        return self.title.lower()


class All(LabelChoice):
    """As they are, for a backup."""

    key = "all"
    title = "All"
    help = "Every label, skipped ones as well: what a full backup takes. COCO and PNG hold no skipped label even so."

    def known(self, flags: int, creators: str) -> str | bool:
        return True

    def reasons(self, labels: Sequence[Label]) -> list[str]:
        return [""] * len(labels)


class NotSkipped(LabelChoice):
    """Finished work."""

    key = "not_skipped"
    title = "Not skipped"
    help = "Every label but those that were skipped or cancelled. Of several people, the work of each."

    def known(self, flags: int, creators: str) -> str | bool:
        return not flags & SKIPPED or _skipped_alone(flags)

    def reasons(self, labels: Sequence[Label]) -> list[str]:
        return [SKIPPED_LABELS if is_skipped(label) else "" for label in labels]


class GroundTruth(LabelChoice):
    """Benchmarks."""

    key = "ground_truth"
    title = "Ground truth"
    help = "Labels that are marked as ground truth (Label Studio) or benchmark (Labelbox), and were not skipped."
    keeps_unlabelled = False

    def known(self, flags: int, creators: str) -> str | bool:
        if flags & (GROUND_TRUTH | SKIPPED):
            return not flags & NO_GROUND_TRUTH or _skipped_alone(flags)
        return NOT_GROUND_TRUTH

    def reasons(self, labels: Sequence[Label]) -> list[str]:
        true = ground_truths(labels)
        return [
            SKIPPED_LABELS if is_skipped(label) else "" if place in true else NOT_GROUND_TRUTH
            for place, label in enumerate(labels)
        ]


class Latest(LabelChoice):
    """One a row."""

    key = "latest"
    title = "Latest"
    help = "Of each row the one label that was changed last, of those that were not skipped."

    def known(self, flags: int, creators: str) -> str | bool:
        return not flags & (SEVERAL | SKIPPED) or _skipped_alone(flags)

    def reasons(self, labels: Sequence[Label]) -> list[str]:
        done = [place for place, label in enumerate(labels) if not is_skipped(label)]
        last = max(done, key=lambda place: (*_changed(labels[place]), place), default=None)
        return [
            "" if place == last else OLDER_LABELS if place in done else SKIPPED_LABELS for place in range(len(labels))
        ]


class Selected(LabelChoice):
    """The winner of a consensus."""

    key = "selected"
    title = "Selected"
    help = (
        "Of each row the label that its project selected (project_details.selected_label_id, as of a consensus), and "
        "the only label of a row with one, unless it was skipped."
    )

    def known(self, flags: int, creators: str) -> str | bool:
        return not flags & (SEVERAL | SKIPPED) or _skipped_alone(flags)

    def reasons(self, labels: Sequence[Label]) -> list[str]:
        return self._reasons(labels, None)

    def reasons_in(self, document: Mapping[str, Any]) -> list[str]:
        ((_, project),) = document["projects"].items()
        return self._reasons(labels_of(document), (project.get("project_details") or {}).get("selected_label_id"))

    def _reasons(self, labels: Sequence[Label], selected: Any) -> list[str]:
        return [
            SKIPPED_LABELS if is_skipped(label) else "" if label["id"] == selected or len(labels) == 1 else NOT_SELECTED
            for label in labels
        ]


@dataclass(frozen=True, slots=True)
class CreatedBy(LabelChoice):
    """One person's."""

    key = "created_by"
    title = "One person's"
    help = "Labels that one person made and did not skip; the person is written as in label_details.created_by."
    takes_person = True
    keeps_unlabelled = False

    person: str

    def known(self, flags: int, creators: str) -> str | bool:
        people = orjson.loads(creators)
        if flags & SKIPPED and flags & SEVERAL:
            return False
        if self.person not in people:
            return LABELS_OF_OTHERS
        return len(people) == 1 if not flags & SKIPPED else SKIPPED_LABELS

    def reasons(self, labels: Sequence[Label]) -> list[str]:
        return [
            LABELS_OF_OTHERS if creator_of(label) != self.person else SKIPPED_LABELS if is_skipped(label) else ""
            for label in labels
        ]

    @property
    def text(self) -> str:
        return f"{self.key}:{self.person}"

    @property
    def short(self) -> str:
        return f"those of {self.person}"


def _skipped_alone(flags: int) -> str | bool:
    """Why a row with a skipped label stays out, where that is its only one; else its labels have to be looked at."""
    return False if flags & SEVERAL else SKIPPED_LABELS


LABEL_CHOICES: Registry[type[LabelChoice]] = Registry(
    "choice of labels", {choice.key: choice for choice in (NotSkipped, All, GroundTruth, Selected, Latest, CreatedBy)}
)
ALL: Final = All()
DEFAULT: Final = NotSkipped()


def parse_labels(value: object, *, project: Project | None = None, field: str = "labels") -> LabelChoice:
    """``None`` means :data:`DEFAULT`. Raises :class:`UserError`, with a ``project`` also for a person who made no label
    in it."""
    if value is None:
        return DEFAULT
    if not isinstance(value, str):
        raise UserError(f"{field} is {value!r}; expected a text, one of {_written()}", field=field)
    key, colon, person = value.partition(":")
    if key not in LABEL_CHOICES:
        raise UserError(f"unknown {LABEL_CHOICES.what} {key[:80]!r}; known: {_written()}", field=field)
    choice = LABEL_CHOICES[key]
    person = person.strip()
    if not choice.takes_person:
        if colon:
            raise UserError(f"{field} is {value[:80]!r}, but {key} takes nothing behind it", field=field)
        return choice()
    if not 0 < len(person) <= LONGEST_PERSON:
        raise UserError(f"{field} {key} needs a person: {key}:PERSON, of 1 to {LONGEST_PERSON} characters", field=field)
    made: LabelChoice = choice(person)  # type: ignore[call-arg]
    if project is not None:
        check_person(made, [project.public_id], "this project", field)
    return made


def check_person(choice: LabelChoice, projects: Sequence[str], where: str, field: str = "labels") -> None:
    """Did the person of a choice that takes one make a label in any of these projects (public ids)? Raises
    :class:`UserError`."""
    person = getattr(choice, "person", None)
    if person is None:
        return
    known = sorted(set().union(*map(people, projects)))
    if person not in known:
        named = ", ".join(known[:_MOST_PEOPLE]) + (" …" if len(known) > _MOST_PEOPLE else "")
        named = f"those who did: {named}" if named else "nobody did"
        raise UserError(f"{field}: {person!r} made no label in {where}; {named}", field=field)


def labels_schema() -> dict[str, Any]:
    """What JSON Schema can say of it."""
    written = "|".join(f"{key}:.+" if choice.takes_person else key for key, choice in LABEL_CHOICES.items())
    told = " ".join(f"{_form(key)}: {choice.help}" for key, choice in LABEL_CHOICES.items())
    return {
        "type": "string",
        "pattern": f"^({written})$",
        "default": DEFAULT.text,
        "description": f"which labels of each row leave, in every format. {told}",
    }


def label_text(value: object) -> str:
    """The choice for a person. Takes any JSON, since old reports stay."""
    try:
        return parse_labels(value).short
    except UserError:
        return str(value)


def _form(key: str) -> str:
    return f"{key}:PERSON" if LABEL_CHOICES[key].takes_person else key


def written_choices() -> list[str]:
    """How each may be written in a description."""
    return [_form(key) for key in LABEL_CHOICES]


def _written() -> str:
    return ", ".join(written_choices())


def _changed(label: Label) -> tuple[str, str]:
    # ISO 8601 in UTC of one width: as texts they are in the order of time
    details = label.get("label_details") or {}
    return details.get("updated_at") or "", details.get("created_at") or ""


def labels_note(labels: Mapping[str, Any]) -> str:
    """A sentence about the check value ``labels``; empty where each row has one label at most and all of them leave."""
    several, left_out = labels["rows_with_several"], labels["left_out"]
    chosen = f"the choice of labels is “{label_text(labels['choice'])}”"
    parts = []
    if several:
        rows = "1 row has" if several == 1 else f"{several:,} rows have"
        parts.append(f"{rows} several labels, {labels['labels_in_them']:,} in all")
    if left_out:
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in sorted(left_out.items()))
        parts.append(f"{chosen}, which leaves out: {reasons}")
        if leaving := labels["rows_leaving_with_several"]:
            parts.append(f"{leaving:,} of the rows {'leaves' if leaving == 1 else 'leave'} with several")
    elif several:
        parts.append(f"all of them leave, since {chosen}")
    return "; ".join(parts)
