"""A link is good as long as whoever made it may hand out its file."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from connections.access.keys import Ended
from connections.access.permissions import DOWNLOAD, LINK
from exports.handing_out import can_of_report
from exports.models import ExportReport, Link
from exports.models.link import OPEN


def may_still_hand_out(link: Link) -> bool:
    """May its issuer, now? Links of the shell belong to nobody and end by their time alone."""
    issuer = link.created_by
    return issuer is None or _may(issuer, link.artifact.report)


class LinksOfPeople:
    """Open links as :class:`connections.access.keys.Keys`."""

    singular, plural = "open link", "open links"

    def count(self, user: AbstractBaseUser) -> int:
        """Open ones."""
        return self._open(user).count()

    def end(self, user: AbstractBaseUser, *, unfounded_only: bool) -> list[Ended]:
        """Revoke them."""
        founded: dict[tuple[int | str, ...], bool] = {}
        ended: list[Link] = []
        links = self._open(user).select_related("artifact__report__project").defer("artifact__report__config")
        for link in links.select_for_update(of=("self",)).order_by("pk"):
            report = link.artifact.report
            projects = (report.project_id, *report.other_projects)
            if unfounded_only and projects not in founded:
                founded[projects] = _may(user, report)
            if not (unfounded_only and founded[projects]):
                ended.append(link)
        Link.objects.filter(pk__in=[link.pk for link in ended]).update(revoked_at=timezone.now())
        return [
            Ended("link.revoked", link.artifact.report.project, link.artifact, {"link": link.public_id})
            for link in ended
        ]

    def _open(self, user: AbstractBaseUser) -> QuerySet[Link]:
        return Link.objects.filter(Link.in_state(OPEN), created_by_id=user.pk)


LINKS_OF_PEOPLE = LinksOfPeople()


def _may(user: AbstractBaseUser, report: ExportReport) -> bool:
    return can_of_report(user, LINK, report) and can_of_report(user, DOWNLOAD, report)
