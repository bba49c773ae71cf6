"""Under which filter was data exported? From the frozen descriptions in the trail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.db.models import Q

from connections.rows.review_statuses import known_status
from exportadmin.audit.forms import choice, text
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    counted,
    of_project,
    people,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exportadmin.audit.serialize import Extra
from exportadmin.lib.errors import UserError
from exports.display.spec_text import filter_text
from exports.models import ExportReport
from exports.spec.conditions import Statuses
from exports.spec.scope import KEY as SCOPE
from exports.spec.spec import beside_filter

NONE, SOME = "none", "some"
# as record() writes it: canonical JSON, so that an empty filter has one text
UNFILTERED = ~Q(after_json__contains=f'"{SCOPE}":') & Q(
    *(Q(after_json__contains=f'"{key}":[]') for key in beside_filter()), after_json__contains='"filter":{}'
)


def _known_kind(text: str) -> None:
    if text not in (NONE, SOME):
        raise UserError(f"unknown filter {text[:40]!r}; known: {NONE}, {SOME}")


def _answer(params: Mapping[str, str], scope: Scope) -> Answer:
    entries = within(params).filter(under("export.requested"), outcome=DONE)
    if params.get("filter") == NONE:
        entries = entries.filter(UNFILTERED)
    elif params.get("filter") == SOME:
        entries = entries.exclude(UNFILTERED)
    if "status" in params:
        # at the top or inside the filter; no status holds a bracket, so the list ends at the first one
        entries = entries.filter(after_json__regex=rf'"{Statuses.key}":\[[^]]*"{re.escape(params["status"])}"')

    def summary(found: Figures) -> str:
        under = {NONE: "under no filter", SOME: "under a filter"}.get(params.get("filter", ""), "")
        status = f"that asked for status {params['status']}" if "status" in params else ""
        bare = found.parts["unfiltered"].count
        without = f"; {bare:,} of them under no filter" if bare and "filter" not in params else ""
        by = people(found.all)
        exports = counted(found.all.count, "export", "exports")
        return sentence(exports, of_project(params), status, under, by, f"{found.between}{without}")

    return Answer(
        entries,
        summary,
        parts={"unfiltered": UNFILTERED},
        extra=Extra(["Filter", "What came of it"], _cells),
        whole=True,
    )


def _cells(entries: Sequence[AuditEntry]) -> list[list[str]]:
    """The filter in words, and how the export ended (one query)."""
    ids = [entry.object_id for entry in entries]
    columns = ("report_id", "status", "rows_done", "are_rows_counted", "made_by")
    found = ExportReport.objects.filter(report_id__in=ids).only(*columns)
    ends = {report.report_id: f"{report.status}, {_rows(report.rows_known)}" for report in found}
    return [[filter_text(entry.after), ends.get(entry.object_id, "not there any more")] for entry in entries]


def _rows(known: int | None) -> str:
    return "rows not known" if known is None else f"{known:,} {'row' if known == 1 else 'rows'}"


QUESTION = Question(
    9,
    "filters",
    "Under which filter was data exported?",
    "What each export asked for, in words: no filter at all, some filter, or one review status.",
    {
        "filter": choice("Filter", [(NONE, "none: every row"), (SOME, "some filter")], check=_known_kind),
        "status": text("Review status", "such as accepted", check=lambda value: known_status(value, field="status")),
        **PROJECT,
        **PERIOD,
    },
    _answer,
)
