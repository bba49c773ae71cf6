"""What goes of exports with a project that is deleted: reports, delivered files, configs and links."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connections.deletion import ProjectPart
from connections.models import Project
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.runs import statuses
from exports.delivery.destination import LOCAL, delivery_of, sink_of
from exports.models import Artifact, DeletedLink, ExportReport, Link, Slice

log = logging.getLogger(__name__)

PIECE: Final = 50  # reports; each with its files, links and downloads
MOST_NAMED: Final = 100
WHY: Final = "its project was deleted"


class ExportsOfProject(ProjectPart):
    """Files first, then the report that knows of them: a report whose files cannot be removed stays until they can."""

    def contents(self, project: Project) -> dict[str, int]:
        """``files`` are those that will be removed."""
        mine = Artifact.objects.filter(report__project=project)
        return {
            "exports": project.reports.count(),
            "files": mine.filter(report__is_ours=True, report__is_there=False, report__files_removed_at=None).count(),
            "configs": project.configs.count(),
            "slices": Slice.objects.filter(project=project).count(),
            "links": Link.objects.filter(artifact__report__project=project).count(),
        }

    def left_behind(self, project: Project) -> list[str]:
        """Deliveries into somebody's own folders; where there are very many, the newest."""
        theirs = _kept(project).filter(is_ours=False).select_related("destination", "project").defer("check_values")
        return [delivery_of(report).address for report in theirs[:MOST_NAMED]]

    def close(self, project: Project) -> None:
        """From now on no link and no download opens a file of it."""
        _kept(project).update(files_removed_at=timezone.now(), files_removed_why=WHY)

    def take_away(self, project: Project) -> Iterator[int]:
        """Deliveries, and the reports with what hangs on them."""
        last = 0
        reports = project.reports.select_related("destination", "project").defer("config", "check_values")
        while batch := list(reports.filter(pk__gt=last).order_by("pk")[:PIECE]):
            last = batch[-1].pk
            gone = [report.pk for report in batch if _remove_files(report)]
            with transaction.atomic():
                links = Link.objects.filter(artifact__report__in=gone).values_list("public_id", "for_user_id")
                DeletedLink.objects.bulk_create(
                    (DeletedLink(public_id=link, for_user_id=person) for link, person in links), ignore_conflicts=True
                )
                # a conversion holds what it was made of, which goes with it or before it
                ExportReport.objects.filter(converted_from__in=gone).update(converted_from=None)
                ExportReport.objects.filter(pk__in=gone).only("pk").delete()
            yield len(gone)
        sink_of({"kind": LOCAL}, None).forget_project(project.public_id)


def _kept(project: Project) -> QuerySet[ExportReport]:
    return project.reports.filter(status__in=statuses.SUCCESSFUL, files_removed_at=None)


def _remove_files(report: ExportReport) -> bool:
    """``False``: some of them are still there."""
    if not report.is_ours or not report.is_delivered:
        return True
    try:
        delivery_of(report).remove()
    except (PermanentError, UserError) as error:
        log.warning("files of report %s of a deleted project stay: %s", report.report_id, error)
        return False
    return True
