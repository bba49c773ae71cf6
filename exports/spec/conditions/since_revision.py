"""Rows that are not as an export before saw them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from connections.models import Project
from connections.rows.batch import RowBatch
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exportadmin.runs import statuses
from exports.spec.conditions.base import Condition
from exports.spec.conditions.fields import WordField
from exports.spec.conditions.kinds import TIMES

MAX_REVISION: Final = 2**63 - 1


class SinceRevision(Condition[int]):
    """A revision of the project, exclusive; or the id of an export, which means the revision that it saw.

    What is frozen is the number. Unlike a time it cannot miss rows that were being written while an export read.
    """

    key = "since_revision"
    label = "Changed since"
    sentence = (
        "rows that came or changed after this revision of the project;"
        " the id of an export means the revision that it saw"
    )
    example = 12
    dropped_label = "as the export before saw it"
    form_order = 30
    group = TIMES

    def freeze(self, raw: Any, project: Project, field: str) -> Any:
        """Raises :class:`UserError` for an id that names no export of the project that delivered."""
        if not isinstance(raw, str) or not raw.strip() or raw.strip().isdecimal():
            return raw
        return _revision_seen_by(raw.strip(), project, field)

    def parse(self, raw: object, *, time_zone: str, field: str) -> int:
        value = raw
        if isinstance(value, str) and value.strip().isdecimal() and value.isascii():
            value = int(value.strip()[:20])
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_REVISION:
            raise UserError(
                f"{field} is {str(raw)[:80]!r}; expected a revision (a whole number from 0 up) or the id of an export",
                field=field,
            )
        return value

    def failing(self, value: int, batch: RowBatch) -> list[int]:
        if min(batch.revisions) > value:
            return []
        return [place for place, revision in enumerate(batch.revisions) if revision <= value]

    def json_schema(self) -> dict[str, Any]:
        return {
            "oneOf": [{"type": "integer", "minimum": 0, "maximum": MAX_REVISION}, {"type": "string", "minLength": 1}]
        }

    def texts(self, raw: Any) -> list[str]:
        return [f"revision {raw}"]

    def short(self, raw: Any, resolved: Any) -> str:
        return f"changed since revision {raw}"

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        help_text = "The id of an export, for what came or changed after it read its rows; or a revision."
        return {self.key: WordField(label=self.label, help_text=help_text)}

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        return cleaned[self.key] or None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {self.key: str(raw)}


def _revision_seen_by(report_id: str, project: Project, field: str) -> int:
    from exports.models import ExportReport

    check_text(report_id, field)
    report = ExportReport.objects.filter(project=project, report_id=report_id).only("status", "revision").first()
    if report is None:
        raise UserError(
            f"{report_id[:80]!r} is no export of this project, and no revision (a whole number from 0 up)", field=field
        )
    if report.status not in statuses.SUCCESSFUL or report.revision is None:
        raise UserError(
            f"export {report_id} is {report.status} and has delivered nothing that another one could go on from",
            field=field,
        )
    return report.revision
