"""What a page offers to do with a report: where it can work, and the person may. The action still decides."""

from __future__ import annotations

from dataclasses import dataclass

from connections.access.permissions import DOWNLOAD, LINK, MANAGE, START
from exportadmin.runs import statuses
from exports.models import ExportReport
from exports.spec.conversion import is_convertible


@dataclass(frozen=True, slots=True)
class Offers:
    """A button each."""

    download: bool
    preview: bool
    verify: bool
    compare: bool
    link: bool
    cancel: bool
    cancel_proof: bool
    retry: bool
    archive: bool
    unarchive: bool
    convert: bool
    delete: bool


def offers(report: ExportReport, verbs: frozenset[str]) -> Offers:
    """``verbs`` are those of the person in the report's project, who may see it."""
    is_active = report.status in statuses.ACTIVE
    has_files = report.is_delivered and report.files_removed_at is None
    is_right = has_files and report.altered_at is None
    return Offers(
        download=is_right and DOWNLOAD in verbs,
        preview=is_right and not report.made_by and DOWNLOAD in verbs,
        verify=has_files,
        compare=report.is_delivered and report.altered_at is None,
        link=is_right and LINK in verbs,
        cancel_proof=START in verbs,
        cancel=is_active and not report.cancel_requested and START in verbs,
        retry=not is_active and START in verbs,
        archive=report.archived_at is None and START in verbs,
        unarchive=report.archived_at is not None and START in verbs,
        convert=is_right and is_convertible(report) and START in verbs,
        delete=has_files and report.is_ours and MANAGE in verbs,
    )
