"""Which exports contain a row, and who took them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exportadmin.audit.forms import text
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    as_far,
    counted,
    of_project,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exportadmin.audit.serialize import Extra
from exports.questions.downloads import TAKEN, TAKEN_PARTS, taken
from exports.results import search


def _answer(params: Mapping[str, str], scope: Scope) -> Answer:
    projects = None if scope.everything else scope.projects
    found = search.search(params["row"], projects=projects, project=params.get("project"))
    exported, issued = under("export.requested"), under("link.issued")
    entries = within(params).filter(exported | TAKEN | issued, outcome=DONE, object_id__in=list(found.how))

    def how(some: Sequence[AuditEntry]) -> list[list[str]]:
        return [[found.how.get(entry.object_id, "")] for entry in some]

    def summary(figures: Figures) -> str:
        held, unsearched = _held(found, params, scope), _unsearched(found)
        if not found.exports:
            return sentence(f"{held}{unsearched}")
        it = "it" if found.exports == 1 else "them"
        then = " in that time" if {"after", "before"} & set(params) else ""
        return sentence(f"{held}; of {it}{then} {taken(figures.parts)}{unsearched}")

    return Answer(entries, summary, parts=TAKEN_PARTS, extra=Extra(["How we know"], how), notes=list(_notes(found)))


def _held(found: search.Found, params: Mapping[str, str], scope: Scope) -> str:
    row, of = params["row"], f" {of_project(params)}".rstrip()
    if found.are_rows_cut:
        row = f"{row} (only the first {len(found.rows):,} rows called so were searched)"
    if not found.rows:
        return f"no row{of} is, or was, called {row}{as_far(scope)}"
    if not found.exports:
        return f"no export{of} was found to contain the row {row}"
    verb = "contains" if found.exports == 1 else "contain"
    return f"{counted(found.exports, 'export', 'exports')}{of} {verb} the row {row}"


def _unsearched(found: search.Found) -> str:
    """What is not known belongs into the same sentence."""
    if not found.unsearched:
        return ""
    were = "export was" if found.unsearched == 1 else "exports were"
    return f"; {found.unsearched:,} {were} not searched, since nobody kept which rows are in there"


def _notes(found: search.Found) -> Iterator[str]:
    yield "Which rows leave is kept while an export is made, in every format, and stays when its files are removed."
    if found.are_rows_cut:
        yield (
            f"More rows are, or were, called so: only the first {len(found.rows):,} of them were searched. "
            "Choose a project, or ask by the data row id."
        )
    elif len(found.rows) > 1:
        yield f"{len(found.rows):,} rows are, or were, called so: the answer is about all of them."
    if found.unsearched:
        more = found.unsearched - len(found.unsearched_names)
        shown = ", ".join(found.unsearched_names) + (f" and {more:,} more" if more else "")
        yield f"Not searched, so it may be in there: {shown}."
    if found.is_cut:
        yield f"The entries are of the newest {search.MOST_EXPORTS:,} of these exports."


QUESTION = Question(
    3,
    "row",
    "Which exports contain a row, and who took them?",
    "By data row id, global key, external id or file name, also of rows that were deleted since.",
    {"row": text("Row (needed)", "what it is called, exactly"), **PROJECT, **PERIOD},
    _answer,
    needed=("row",),
)
