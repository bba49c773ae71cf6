"""Who may take rows of a report away: whoever may in its project, and in every other project that it read.

Every channel and dialect asks here before it hands out a file, a range, rows, a picture, a manifest or a link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import Model

from connections.access.models import ApiToken
from connections.access.permissions import (
    DOWNLOAD,
    LINK,
    VIEW,
    Person,
    ProjectVerbs,
    can,
    can_in_all,
    may_in_all,
    projects_for,
    require,
)
from connections.models import Project
from exportadmin.audit.models import REFUSED
from exportadmin.audit.record import record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import NotFoundError, UserError
from exports.models import ExportReport
from exports.spec.scope import config_known_to

ROWS: Final = frozenset({DOWNLOAD, LINK})


def require_in_all(actor: Actor, verb: str, report: ExportReport) -> None:
    """Raises as :func:`~connections.access.permissions.require`, and :class:`NotFoundError` to whoever lacks the right
    in another project that the report read; it names none, since they may not know of it."""
    require(actor, verb, report.project)
    if not may_in_all(actor, verb, report.other_projects):
        raise NotFoundError(
            f"there are no rows of report {report.report_id} for {actor.name}: it read several projects, and its rows "
            f"are for those who may {verb} in all of them"
        )


def require_in_all_audited(
    actor: Actor, report: ExportReport, *, event: str, obj: Model | None = None, verb: str = DOWNLOAD
) -> None:
    """The same; a refusal is recorded as ``event`` that was tried. For what is recorded only as it begins."""
    try:
        require_in_all(actor, verb, report)
    except UserError as refusal:
        with transaction.atomic():
            record(
                event,
                actor=actor,
                project=report.project,
                obj=report if obj is None else obj,
                outcome=REFUSED,
                reason=refusal.message,
            )
        refusal.is_recorded = True  # type: ignore[attr-defined]
        raise


def can_of_report(user: Person, verb: str, report: ExportReport) -> bool:
    """May this person do it with the report's rows?"""
    return can(user, verb, report.project) and can_in_all(user, verb, report.other_projects)


def others_known(user: Person, reports: Iterable[ExportReport], token: ApiToken | None = None) -> frozenset[str] | None:
    """Of the projects that the reports read beside their own those that somebody may see; ``None``: all of them. One
    query where there are any, none for superusers."""
    others = {each for report in reports for each in report.other_projects}
    if not others or can(user, VIEW, None, token):
        return None
    visible = projects_for(user, VIEW, token).filter(public_id__in=others)
    return frozenset(visible.values_list("public_id", flat=True))


def config_shown(report: ExportReport, known: frozenset[str] | None) -> Mapping[str, Any]:
    """What was asked of a report, for somebody who may see it; ``known`` is what :func:`others_known` gives."""
    return config_known_to(report.config, None if known is None else known | {report.project.public_id})


def verbs_by_report(reports: Iterable[ExportReport], verbs: ProjectVerbs) -> dict[int, frozenset[str]]:
    """By the reports' keys what :func:`verbs_of_report` gives: one more query where one of them read other projects."""
    reports = list(reports)
    others = {each for report in reports for each in report.other_projects}
    keys = dict(Project.objects.filter(public_id__in=others).values_list("public_id", "pk")) if others else {}
    found = {}
    for report in reports:
        mine = verbs[report.project_id]
        may = all(DOWNLOAD in (verbs[keys[each]] if each in keys else verbs.of_all) for each in report.other_projects)
        found[report.pk] = mine if may else mine - ROWS
    return found


def verbs_of_report(user: Person, report: ExportReport, verbs: frozenset[str]) -> frozenset[str]:
    """Of the ``verbs`` in the report's project, those that hold for its rows: one more query for a report that read
    other projects too."""
    return verbs if can_in_all(user, DOWNLOAD, report.other_projects) else verbs - ROWS
