"""The kinds of conditions: a list of ids, a set of choices, a moment, a window of time, yes or no."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django import forms

from connections.rows.batch import RowBatch
from connections.store.overview import Overview
from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exportadmin.lib.times import MAX_MS, MIN_MS, iso_utc, parse_ms
from exports.spec.conditions.base import Condition, FieldGroup, texts_of
from exports.spec.conditions.fields import BoxesField, ButtonsField, Choices, MomentField, PastedField

MAX_IDS: Final = 2000
# no key, id or name of the store is longer
MAX_TEXT: Final = 500
_SHOWN_VALUES: Final = 3
# the forms of exportadmin.lib.times that JSON Schema has a word for
_MOMENT_SCHEMA: Final[dict[str, Any]] = {
    "oneOf": [
        {
            "type": "string",
            "format": "date-time",
            "description": "or with a blank for the T (2026-01-31 09:30:00); without an offset in the project's zone",
        },
        {"type": "string", "format": "date"},
        {"type": "integer", "minimum": MIN_MS, "maximum": MAX_MS},
    ]
}
TIMES: Final = FieldGroup(
    "times",
    "Times",
    "Write 2026-11-20, 2026-11-20 14:30:00, ISO 8601 with an offset, or milliseconds since 1970. Without an offset the "
    "time is read in {time_zone}. Empty: any time.",
)
ROWS: Final = FieldGroup(
    "ids",
    "Certain rows",
    f"Paste a column or a line of a spreadsheet: one a line or cell, at most {MAX_IDS:,}. Empty: no matter which.",
)


@dataclass(frozen=True, slots=True)
class Window:
    """Inclusive bounds in milliseconds; ``None`` is open."""

    start_ms: int | None = None
    end_ms: int | None = None

    def holds(self, ms: int) -> bool:
        """Is ``ms`` inside?"""
        return (self.start_ms is None or ms >= self.start_ms) and (self.end_ms is None or ms <= self.end_ms)


class TextSet(Condition[frozenset[str]]):
    """Rows whose ``column`` is one of some texts. ``noun`` is what one and several of them are called."""

    column: ClassVar[str]
    noun: ClassVar[tuple[str, str]]

    def parse(self, raw: object, *, time_zone: str, field: str) -> frozenset[str]:
        if not isinstance(raw, Sequence) or isinstance(raw, str | bytes):
            raise UserError(f"{field} is {kind_of(raw)}; expected a list of texts", field=field)
        if not raw:
            raise UserError(f"{field} is an empty list, which selects nothing; leave it out to select all", field=field)
        if len(raw) > MAX_IDS:
            raise UserError(f"{field} has {len(raw):,} entries; at most {MAX_IDS:,} are allowed", field=field)
        for place, text in enumerate(raw):
            if not isinstance(text, str) or not text:
                raise UserError(f"{field} holds {text!r}; expected non-empty texts", field=f"{field}[{place}]")
            if len(text) > MAX_TEXT:
                message = f"{field}[{place}] has {len(text):,} characters; at most {MAX_TEXT} are allowed"
                raise UserError(message, field=f"{field}[{place}]")
            check_text(text, field)
            self.check(text, f"{field}[{place}]")
        return frozenset(raw)

    def check(self, text: str, field: str) -> None:
        """Raises :class:`UserError` for a text that cannot be meant."""

    def failing(self, value: frozenset[str], batch: RowBatch) -> list[int]:
        wanted = self.matching(value)
        column: Sequence[str] = getattr(batch, self.column)
        # almost always nothing fails, and a set comparison in C says so
        if wanted.issuperset(column):
            return []
        return [place for place, text in enumerate(column) if text not in wanted]

    def matching(self, value: frozenset[str]) -> frozenset[str]:
        """The texts of the column that are meant."""
        return value

    def both(self, first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
        return first & second

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item_schema(), "minItems": 1, "maxItems": MAX_IDS}

    def item_schema(self) -> dict[str, Any]:
        """What JSON Schema can say of one text."""
        return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}

    def texts(self, raw: Any) -> list[str]:
        return texts_of(raw)

    def short(self, raw: Any, resolved: Any) -> str:
        texts = texts_of(raw)
        return f"{self.noun[len(texts) != 1]} {some_of(texts)}" if texts else ""


class IdList(TextSet):
    """Rows that are named one by one: pasted into the form, counted where a line is short."""

    names_rows = True
    form_order = 50
    group = ROWS

    def named_rows(self, batch: RowBatch) -> Sequence[str]:
        named: Sequence[str] = getattr(batch, self.column)
        return named

    def short(self, raw: Any, resolved: Any) -> str:
        count = len(texts_of(raw))
        return f"{count:,} {self.noun[count != 1]}" if count else ""

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        one, many = (noun.rpartition(" ")[2] for noun in self.noun)
        return {self.key: PastedField((one, many), MAX_IDS, label=self.label)}

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        return cleaned[self.key] or None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {self.key: "\n".join(texts_of(raw))}


class ChoiceSet(TextSet):
    """Texts that can be ticked in the form. ``input_name`` is the input's name, ``none_help`` what no tick means.

    ``layout`` is a class of the page's style sheet; from ``scrolls_from`` boxes on their list scrolls by itself.
    """

    input_name: ClassVar[str]
    none_help: ClassVar[str]
    layout: ClassVar[str]
    scrolls_from: ClassVar[int | None] = None

    @abstractmethod
    def choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        """What can be ticked, with how many rows there are of it; what is ticked is among it if it can be meant."""

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        field = BoxesField(self.choices, self.layout, self.scrolls_from, label=self.label, help_text=self.none_help)
        return {self.input_name: field}

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        return list(dict.fromkeys(cleaned[self.input_name])) or None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {self.input_name: texts_of(raw)}


class Moment(Condition[int]):
    """A point in time, parsed to milliseconds."""

    column: ClassVar[str]
    form_order = 30
    group = TIMES

    def parse(self, raw: object, *, time_zone: str, field: str) -> int:
        return parse_ms(raw, time_zone=time_zone, field=field)

    def resolved(self, value: int) -> str:
        return iso_utc(value)

    def json_schema(self) -> dict[str, Any]:
        return dict(_MOMENT_SCHEMA)

    def texts(self, raw: Any) -> list[str]:
        return [str(raw)]

    def short(self, raw: Any, resolved: Any) -> str:
        return f"{self.label.lower()} {short_moment(resolved)}"

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        return {self.key: MomentField(self.label.rpartition(" ")[2].capitalize(), time_zone, label=self.label)}

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        return cleaned[self.key] or None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {self.key: "" if raw is None else str(raw)}


class TimeWindow(Condition[Window]):
    """``[start, end]``, both included, either may be null. The form has an input for each."""

    form_order = 30
    group = TIMES

    def parse(self, raw: object, *, time_zone: str, field: str) -> Window | None:
        if not isinstance(raw, Sequence) or isinstance(raw, str | bytes) or len(raw) != 2:
            raise UserError(f"{field} is {raw!r}; expected [start, end], either may be null", field=field)
        start, end = (None if bound is None else parse_ms(bound, time_zone=time_zone, field=field) for bound in raw)
        if start is None and end is None:
            return None
        if start is not None and end is not None and start > end:
            raise UserError(f"{field} ends ({iso_utc(end)}) before it begins ({iso_utc(start)})", field=field)
        return Window(start, end)

    def resolved(self, value: Window) -> list[str | None]:
        return [None if ms is None else iso_utc(ms) for ms in (value.start_ms, value.end_ms)]

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {**_MOMENT_SCHEMA, "nullable": True}, "minItems": 2, "maxItems": 2}

    def texts(self, raw: Any) -> list[str]:
        if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) != 2:
            return [str(raw)]
        return [" to ".join("any time" if bound is None else str(bound) for bound in raw)]

    def short(self, raw: Any, resolved: Any) -> str:
        if not isinstance(resolved, Sequence) or isinstance(resolved, str) or len(resolved) != 2:
            return f"{self.label.lower()} {resolved}"
        start, end = resolved
        if start is None and end is None:  # asks for nothing
            return ""
        if start is None or end is None:
            span = f"until {short_moment(end)}" if start is None else f"since {short_moment(start)}"
        else:
            span = f"{short_moment(start)} to {short_moment(end)}"
        return f"{self.label.lower()} {span}"

    @property
    def input_names(self) -> tuple[str, str]:
        """The inputs of start and end."""
        stem = self.key.removesuffix("_at")
        return f"{stem}_from", f"{stem}_to"

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        start, end = self.input_names
        return {
            start: MomentField("From", time_zone, label=f"{self.label} from"),
            end: MomentField("Up to", time_zone, label=f"{self.label} to"),
        }

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        bounds = [cleaned[name] or None for name in self.input_names]
        return bounds if any(bounds) else None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {name: "" if bound is None else str(bound) for name, bound in zip(self.input_names, raw, strict=True)}


class YesNo(Condition[bool]):
    """True or false. ``input_name`` is the input's name, ``choices`` what it says for either, for yes and for no."""

    input_name: ClassVar[str]
    choices: ClassVar[tuple[str, str, str]]
    # what the input sends for yes and for no
    yes: ClassVar[str] = "yes"
    no: ClassVar[str] = "no"

    def parse(self, raw: object, *, time_zone: str, field: str) -> bool:
        if not isinstance(raw, bool):
            raise UserError(f"{field} is {raw!r}; expected true or false", field=field)
        return raw

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def texts(self, raw: Any) -> list[str]:
        return [self.choices[1 if raw else 2].lower() if isinstance(raw, bool) else str(raw)]

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        choices = list(zip(("", self.yes, self.no), self.choices, strict=True))
        return {self.input_name: ButtonsField(choices, "ea-new-radios", label=self.label)}

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        chosen = cleaned[self.input_name]
        return {self.yes: True, self.no: False}.get(chosen, chosen) if chosen else None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {self.input_name: self.yes if raw else self.no}


def kind_of(raw: object) -> str:
    """What JSON calls it: the value itself may be long."""
    return {str: "a text", list: "a list", dict: "an object", bool: "true or false"}.get(type(raw), f"{raw!r}")


def short_moment(raw: Any) -> str:
    """To the minute, for lists."""
    try:
        return f"{times.to_datetime(parse_ms(raw)):%Y-%m-%d %H:%M} UTC"
    except UserError:
        return str(raw)


def some_of(texts: Sequence[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``, ``a, b, c or 4 more``."""
    more = len(texts) - _SHOWN_VALUES
    shown = list(texts) if more <= 0 else [*texts[:_SHOWN_VALUES], f"{more:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
