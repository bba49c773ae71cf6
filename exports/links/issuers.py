"""A link is good as long as whoever made it may hand out its file."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from connections.access.permissions import DOWNLOAD, LINK, can
from connections.models import Project
from exportadmin.audit.record import record
from exportadmin.lib.actor import Actor
from exports.models import Link
from exports.models.link import OPEN


def may_still_hand_out(link: Link) -> bool:
    """May its issuer, now? Links of the shell belong to nobody and end by their time alone."""
    issuer = link.created_by
    return issuer is None or _may(issuer, link.artifact.report.project)


class LinksOfPeople:
    """Open links as :class:`connections.access.keys.Keys`."""

    singular, plural = "open link", "open links"

    def count(self, user: AbstractBaseUser) -> int:
        """Open ones."""
        return self._open(user).count()

    def end(self, user: AbstractBaseUser, *, actor: Actor, why: str, unfounded_only: bool) -> int:
        """Revoke them."""
        founded: dict[int, bool] = {}
        ended = 0
        for link in self._open(user).select_related("artifact__report__project").defer("artifact__report__config"):
            project = link.artifact.report.project
            if unfounded_only and founded.setdefault(project.pk, _may(user, project)):
                continue
            if Link.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now()):
                details = {"link": link.public_id, "why": why}
                record("link.revoked", actor=actor, project=project, obj=link.artifact, details=details)
                ended += 1
        return ended

    def _open(self, user: AbstractBaseUser) -> QuerySet[Link]:
        return Link.objects.filter(Link.in_state(OPEN), created_by_id=user.pk)


LINKS_OF_PEOPLE = LinksOfPeople()


def _may(user: AbstractBaseUser, project: Project) -> bool:
    return can(user, LINK, project) and can(user, DOWNLOAD, project)
