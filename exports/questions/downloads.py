"""Who exported, and who took the files away?"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from exportadmin.audit.models import DONE
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

TAKEN = under("artifact.downloaded", "artifact.rows_read")


def _who_exported(params: Mapping[str, str], scope: Scope) -> Answer:
    exported = under("export.requested")
    by_link = TAKEN & Q(channel="link", actor_user_id=None)

    def summary(found: Figures) -> str:
        exports, taken = found.parts["exports"], found.parts["taken"]
        if not found.all.count:
            return sentence("Nothing", of_project(params), "was exported or taken away in that time")
        return sentence(
            f"{counted(exports.count, 'export', 'exports')} {of_project(params)}".strip(),
            people(exports.people) if exports.count else "",
            f"and {counted(taken.count, 'download', 'downloads')}",
            people(taken.people) if taken.count else "",
            found.between,
            f"({bare:,} of the downloads by link, without sign-in)" if (bare := found.parts["by link"].count) else "",
        )

    return Answer(
        within(params).filter(exported | TAKEN, outcome=DONE),
        summary,
        parts={"exports": exported, "taken": TAKEN, "by link": by_link},
        notes=[
            "A token counts as its person. A download that goes on after a break has an entry for each part. "
            "Refused tries are not counted."
        ],
    )


WHO_EXPORTED = Question(
    1,
    "who-exported",
    "Who exported a project, and who took the files?",
    "Every export that was asked for and every download through any channel: people, scripts and links.",
    {**PROJECT, **PERIOD},
    _who_exported,
)
