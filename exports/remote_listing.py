"""What was exported on a project's platform, with what we know of each."""

from __future__ import annotations

from dataclasses import dataclass

from connections.models import Project
from connections.platforms.base import Ready, RemoteExport, Waiting
from connections.sync.models import SyncRun
from exports.models import ExportReport
from exports.spec.platform_export import KEY, usable_platform_of


@dataclass(frozen=True, slots=True)
class RemoteListing:
    """``asked_by``: the report that had it made there, ``synced_by``: the sync that did; both ``None``: others did.
    ``fetched_by``: newest report that brought one of others here, or tries to.
    """

    export: RemoteExport
    asked_by: ExportReport | None = None
    fetched_by: ExportReport | None = None
    synced_by: SyncRun | None = None

    @property
    def is_theirs(self) -> bool:
        """Was it made by others than us?"""
        return self.asked_by is None and self.synced_by is None

    @property
    def is_made(self) -> bool | None:
        """``None``: the platform's word for how it stands is one that nobody here knows."""
        standing = self.export.standing
        return None if isinstance(standing, Waiting) and not standing.is_known else isinstance(standing, Ready)


def exports_there(project: Project) -> list[RemoteListing]:
    """As the platform lists them, with what we know of each. Raises as :class:`Platform` does, :class:`UserError`."""
    listed = usable_platform_of(project).exports(project.external_id)
    ids = [one.remote_id for one in listed]
    known = ExportReport.objects.filter(project=project, remote_id__in=ids)
    asked: dict[str, ExportReport] = {}
    fetched: dict[str, ExportReport] = {}
    for report in known.defer("check_values", "description").order_by("created_at", "pk"):
        (fetched if report.config[KEY].get("remote_id") else asked)[report.remote_id] = report
    synced = {run.remote_id: run for run in SyncRun.objects.filter(project=project, remote_id__in=ids).defer("summary")}
    return [
        RemoteListing(one, asked.get(one.remote_id), fetched.get(one.remote_id), synced.get(one.remote_id))
        for one in listed
    ]
