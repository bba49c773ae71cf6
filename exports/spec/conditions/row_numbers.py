"""Rows whose number lies in a span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms

from connections.rows.batch import RowBatch
from connections.store.models import MAX_ID
from exportadmin.lib.errors import UserError
from exports.spec.conditions.base import Condition
from exports.spec.conditions.fields import WordField
from exports.spec.conditions.kinds import ROWS

Span = tuple[int, int]
_BOUND: Final = {"type": "integer", "minimum": 0, "maximum": MAX_ID, "nullable": True}


class RowNumbers(Condition[Span]):
    """``[first, last]``, both included, either may be null."""

    key = "row_numbers"
    label = "Row numbers"
    sentence = "rows numbered [first, last], either may be null, as ids in COCO and Label Studio files are"
    example = (1, 1000)
    dropped_label = "another row number"
    form_order = 50
    group = ROWS

    def parse(self, raw: object, *, time_zone: str, field: str) -> Span | None:
        if not isinstance(raw, Sequence) or isinstance(raw, str | bytes) or len(raw) != 2:
            raise UserError(f"{field} is {raw!r}; expected [first, last], either may be null", field=field)
        for bound in raw:
            if bound is not None and (type(bound) is not int or not 0 <= bound <= MAX_ID):
                raise UserError(f"{field} holds {str(bound)[:40]!r}; expected whole numbers from 0 up", field=field)
        first, last = raw
        if first is None and last is None:
            return None
        if first is not None and last is not None and first > last:
            raise UserError(f"{field} ends ({last}) before it begins ({first})", field=field)
        return first or 0, MAX_ID if last is None else last

    def failing(self, value: Span, batch: RowBatch) -> list[int]:
        first, last = value
        if first <= min(batch.numbers) and max(batch.numbers) <= last:
            return []
        return [place for place, number in enumerate(batch.numbers) if not first <= number <= last]

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": dict(_BOUND), "minItems": 2, "maxItems": 2}

    def texts(self, raw: Any) -> list[str]:
        if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) != 2:
            return [str(raw)]
        return [" to ".join("any" if bound is None else str(bound) for bound in raw)]

    def short(self, raw: Any, resolved: Any) -> str:
        return f"rows number {self.texts(raw)[0]}"

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        return {
            "row_number_from": WordField(label=f"{self.label} from"),
            "row_number_to": WordField(label=f"{self.label} to"),
        }

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        texts = [cleaned[name] for name in self.form_fields("UTC")]
        return [_number(text) for text in texts] if any(texts) else None

    def to_form(self, raw: Any) -> dict[str, Any]:
        bounds = ["" if bound is None else str(bound) for bound in raw]
        return dict(zip(self.form_fields("UTC"), bounds, strict=True))


def _number(text: str) -> int | str | None:
    """What is no number stays as it is, to be refused with it."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else text or None
