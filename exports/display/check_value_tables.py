"""Check values as sums that a person can follow: every total is shown with the parts that make it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from exports.check_values import NOTE_TEXTS
from exports.formats import FORMATS
from exports.spec.conditions import CONDITIONS
from exports.spec.labels import NO_LABEL_LEFT, NO_LABEL_LEFT_TEXT, labels_note

SHOWN_PARTS = 16  # all review statuses, and the usual ontology
LEAST_SHARE: Final = 0.5  # what is not nothing can be seen


@dataclass(frozen=True, slots=True)
class Part:
    """One addend. ``share`` is 0 to 100, of the sum's largest part: the length of its bar, which is seen if there is
    anything."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Sum:
    """``total`` as the check values state it, and ``parts`` that must make it.

    ``title`` and ``subtitle`` are read together: "Rows kept", "by review status"; ``column`` heads the parts.
    """

    title: str
    subtitle: str
    column: str
    total: int
    parts: tuple[Part, ...]

    @property
    def counted(self) -> int:
        """The parts added up."""
        return sum(part.count for part in self.parts)

    @property
    def adds_up(self) -> bool:
        """Do the parts make the total?"""
        return self.counted == self.total

    @property
    def first_parts(self) -> tuple[Part, ...]:
        """The parts to show at once."""
        return self.parts[:SHOWN_PARTS]

    @property
    def further_parts(self) -> tuple[Part, ...]:
        """The parts to show on demand."""
        return self.parts[SHOWN_PARTS:]


@dataclass(frozen=True, slots=True)
class Sums:
    """What the page shows of a report's check values. ``labels`` says what became of rows with several, ``notes``
    what the format noted of its file. ``None``: not known, of a file that a platform made."""

    rows_read: int | None
    rows_kept: int | None
    rows_refused: int
    annotations: int | None
    left_out: int
    files: int | None
    bytes: int | None
    removed_since: int
    labels: str
    notes: tuple[str, ...]
    sums: tuple[Sum, ...]

    @property
    def rows_dropped(self) -> int:
        """Rows that the filter left out."""
        return (self.rows_read or 0) - (self.rows_kept or 0) - self.rows_refused

    @property
    def add_up(self) -> bool:
        """Do all sums come out right?"""
        return all(each.adds_up for each in self.sums)


def dropped_label(key: str) -> str:
    """Why the condition of that key, or the choice of labels, left rows out; the key itself where nothing is called so
    (any more)."""
    if key == NO_LABEL_LEFT:
        return NO_LABEL_LEFT_TEXT
    return CONDITIONS[key].dropped_label if key in CONDITIONS else key


def note_texts(format_key: str, check_values: Mapping[str, Any]) -> Iterator[str]:
    """What a format noted of its file: ``"12 images without width, …"``; and what a platform counts of its own."""
    texts = {**NOTE_TEXTS, **(FORMATS[format_key].note_texts if format_key in FORMATS else {})}
    for key, count in (check_values.get("notes") or {}).items():
        yield f"{count:,} {texts.get(key, key.replace('_', ' '))}"
    for what, count in (check_values.get("told") or {}).items():
        yield f"{count:,} {what}, as the platform counts"


def sums_of(check_values: object, format_key: str = "") -> Sums | None:
    """The sums of a report's check values; ``None`` while there are none."""
    if not isinstance(check_values, Mapping) or "rows_read" not in check_values:
        return None
    values: Mapping[str, Any] = check_values
    read, kept, annotations = (_known(values, key) for key in ("rows_read", "rows_kept", "annotations"))
    left_out: dict[str, int] = dict(values.get("left_out_by_format") or {})
    dropped = {f"Dropped: {dropped_label(key)}": count for key, count in (values.get("rows_dropped") or {}).items()}
    refused: dict[str, int] = dict(values.get("rows_refused") or {})
    became = {"Kept": kept or 0, **dropped, **{f"Refused: {code.replace('_', ' ')}": n for code, n in refused.items()}}
    how = "= kept + dropped + refused" if refused else "= kept + dropped"
    sums = [
        None if read is None else sum_of("Rows read", how, "What became of them", read, became, in_order=True),
        sum_of("Rows kept", "by review status", "Review status", kept or 0, values.get("rows_by_status")),
        sum_of("Rows kept", "by media type", "Media type", kept or 0, _where_several(values.get("rows_by_media_type"))),
        sum_of("Annotations", "by class", "Class", annotations or 0, values.get("annotations_by_class")),
        sum_of("Annotations", "by kind", "Kind", annotations or 0, values.get("annotations_by_kind")),
    ]
    if left_out:
        parts = {
            "Exported": annotations or 0,
            **{f"Left out: {kind.replace('_', ' ')}": n for kind, n in left_out.items()},
        }
        of_rows = (annotations or 0) + sum(left_out.values())
        sums.append(
            sum_of(
                "Annotations of these rows",
                "= exported + left out",
                "What became of them",
                of_rows,
                parts,
                in_order=True,
            )
        )
    return Sums(
        rows_read=read,
        rows_kept=kept,
        rows_refused=sum(refused.values()),
        annotations=annotations,
        left_out=sum(left_out.values()),
        files=_known(values, "files"),
        bytes=_known(values, "bytes"),
        removed_since=int(values.get("removed_since", 0)),
        labels=labels_note(values["labels"]) if "labels" in values else "",
        notes=tuple(note_texts(format_key, values)),
        sums=tuple(each for each in sums if each is not None),
    )


def _where_several(counts: Mapping[str, int] | None) -> Mapping[str, int] | None:
    """Nothing new is told where all rows are of one sort."""
    return counts if counts and len(counts) > 1 else None


def _known(values: Mapping[str, Any], key: str) -> int | None:
    """``None``: it says that nobody knows."""
    count = values.get(key, 0)
    return None if count is None else int(count)


def sum_of(
    title: str, subtitle: str, column: str, total: int, counts: Mapping[str, int] | None, *, in_order: bool = False
) -> Sum | None:
    """``None`` where there is nothing to add: no parts, and a total of nothing."""
    if not counts:
        return None if total == 0 or counts is None else Sum(title, subtitle, column, total, ())
    pairs = list(counts.items())
    if not in_order:
        pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    largest = max(1, *(count for _, count in pairs))
    parts = tuple(Part(label, count, _share(count, largest)) for label, count in pairs)
    return Sum(title, subtitle, column, total, parts)


def _share(count: int, largest: int) -> float:
    return max(LEAST_SHARE, round(100 * count / largest, 2)) if count > 0 else 0.0
