"""Which exports contain a row, and who took them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exportadmin.audit.forms import text
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
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
        exports = counted(found.exports, "export", "exports")
        if not found.exports:
            return f"No export {of_project(params)} was found to contain the row {params['row']}.".replace("  ", " ")
        return sentence(
            f"{exports} {of_project(params)}".strip(),
            f"{'contains' if found.exports == 1 else 'contain'} the row {params['row']};",
            f"of {'it' if found.exports == 1 else 'them'} {taken(figures.parts)}",
        )

    return Answer(
        entries,
        summary,
        parts=TAKEN_PARTS,
        extra=Extra(["How we know"], how),
        notes=found.notes,
    )


QUESTION = Question(
    3,
    "row",
    "Which exports contain a row, and who took them?",
    "By data row id or global key: looked for in the delivered files themselves, newest first.",
    {"row": text("Row (needed)", "its data row id or its global key, exactly"), **PROJECT, **PERIOD},
    _answer,
    needed=("row",),
)
