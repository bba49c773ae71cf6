"""Who exported, and who took the files away?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import Q

from exportadmin.audit.models import DONE
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    Tally,
    as_far,
    counted,
    figures,
    of_project,
    people,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exports.delivery.rows_left import EVENT, SHOWN, about_rows_of

DOWNLOADS = under("artifact.downloaded")
# a plan beside a form shows the first rows of what it plans
_PLANS_WITH_ROWS: Final = under("export.planned") & Q(details_json__contains='"rows_shown":')
READINGS = under("artifact.rows_read", "import.refused_read", "sync.refused_read", SHOWN) | _PLANS_WITH_ROWS
TAKEN: Final = DOWNLOADS | READINGS
# for the parts of an answer
TAKEN_PARTS: Final = {"downloads": DOWNLOADS & Q(outcome=DONE), "readings": READINGS & Q(outcome=DONE)}


def taken(parts: Mapping[str, Tally]) -> str:
    """``2 downloads by 1 person and 8 readings of rows by 2 people``, of :data:`TAKEN_PARTS`."""
    downloads, readings = parts["downloads"], parts["readings"]
    told = [
        f"{counted(downloads.count, 'download', 'downloads')} {people(downloads)}",
        f"{counted(readings.count, 'reading of rows', 'readings of rows')} {people(readings)}",
    ]
    return " and ".join(text.strip() for text in told)


def _elsewhere(params: Mapping[str, str], scope: Scope) -> str:
    """What became of exports of other projects that hold rows of these: their lines are in the register."""
    period = {name: value for name, value in params.items() if name != "project"}
    if scope.everything and "project" not in params:
        return ""  # they are among the entries
    of_them = within(period).filter(TAKEN, about_rows_of(scope, params.get("project", "")), outcome=DONE)
    if "project" in params:
        of_them = of_them.exclude(Q(project_id=params["project"]) | Q(project_name=params["project"]))
    if not scope.everything:
        of_them = of_them.exclude(project_id__in=scope.projects)
    found = figures(of_them, TAKEN_PARTS)
    if not found.all.count:
        return ""
    told = taken(found.parts)
    return f" With exports of other projects, which hold rows of these too: {told}; the register has the lines."


def _who_exported(params: Mapping[str, str], scope: Scope) -> Answer:
    exported, left = under("export.requested"), under(EVENT)
    elsewhere = _elsewhere(params, scope)

    def summary(found: Figures) -> str:
        exports = found.parts["exports"]
        if not found.all.count:
            nothing = f"was exported or taken away in that time{as_far(scope)}"
            return sentence("Nothing", of_project(params), nothing) + elsewhere
        return (
            sentence(
                f"{counted(exports.count, 'export', 'exports')} {of_project(params)} {people(exports)}".strip() + ",",
                taken(found.parts),
                found.between,
            )
            + elsewhere
        )

    return Answer(
        within(params).filter(exported | TAKEN | left, outcome=DONE),
        summary,
        parts={"exports": exported, **TAKEN_PARTS},
        notes=[
            "A token counts as its person; a link that works without sign-in counts as nobody. A download that goes on "
            "after a break has an entry for each part. Whoever looks at rows on a page reads rows. Refused tries are "
            "not counted."
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
