"""What can be done with links, as :mod:`exports.actions` does it with exports."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Min, Q
from django.utils import timezone

from connections.access import quotas
from connections.access.passwords import require_recent
from connections.access.permissions import DOWNLOAD, LINK, require
from connections.models import Project
from exportadmin.audit.record import audited
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import (
    ConflictError,
    NothingToDoError,
)
from exports.handing_out import require_in_all
from exports.links import tokens
from exports.models import Artifact, ExportReport, Link
from exports.models.link import OPEN

# a link that lasts longer asks a person at a browser for their password
LONG_LINK_SECONDS = 24 * 3600


def issue_link(
    *,
    artifact: Artifact,
    actor: Actor,
    seconds: int = 3600,
    one_time: bool = False,
    for_user: AbstractBaseUser | None = None,
) -> tuple[Link, str]:
    """``(link, token)``: the token is the secret half of the address and is given out only here."""
    report = artifact.report
    details = {"seconds": seconds, "one_time": one_time, "for": str(for_user or "")}
    with audited("link.issued", actor=actor, project=report.project, obj=artifact, details=details) as line:
        require_in_all(actor, LINK, report)
        require_in_all(actor, DOWNLOAD, report)  # whoever has the link downloads: nobody hands on what they may not
        if seconds > LONG_LINK_SECONDS:
            require_recent(actor, "issue a link that lasts longer than a day")
        check_linkable(report)
        _within_link_quota(report.project, actor)
        link, token = tokens.issue(artifact, seconds=seconds, one_time=one_time, for_user=for_user, actor=actor)
        line.details["link"] = link.public_id
    return link, token


def _within_link_quota(project: Project, actor: Actor) -> None:
    """Raises :class:`TooManyError`."""
    if not quotas.hold(project, actor):
        return
    links = Link.objects.filter(Link.in_state(OPEN))
    is_project, is_person = Q(artifact__report__project=project), Q(created_by_id=actor.user_id)

    def first_end() -> float:
        ends: datetime = links.filter(is_project | is_person).aggregate(first=Min("expires_at"))["first"]
        return (ends - timezone.now()).total_seconds()

    quotas.check(
        "LINKS",
        project,
        actor,
        what="open links",
        of_project=links.filter(is_project).count,
        of_person=links.filter(is_person).count,
        retry_after=first_end,
    )


def check_linkable(report: ExportReport) -> None:
    """Raises :class:`ConflictError` when there are no files to link to."""
    if not report.is_delivered or report.files_removed_at is not None:
        raise ConflictError(f"report {report.report_id} has no files to link to")
    if report.altered_at is not None:
        raise ConflictError(f"report {report.report_id} is not as it was delivered: {report.altered_why}")


def revoke_link(*, link: Link, actor: Actor) -> Link:
    """End a link now. Revoking twice is no error, and nothing more to record."""
    project = link.artifact.report.project
    details = {"link": link.public_id}
    with (
        suppress(NothingToDoError),
        audited("link.revoked", actor=actor, project=project, obj=link.artifact, details=details),
    ):
        require(actor, LINK, project)
        if not Link.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now()):
            raise NothingToDoError(f"link {link.public_id} is revoked already")
    link.refresh_from_db()
    return link
