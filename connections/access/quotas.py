"""How much of what there is for all one project and one person may take: whoever has had their share is told when to
ask again (429).

What waits or is open is counted in its own table, what was asked for in a day by :func:`exportadmin.lib.counts.hit`:
both by all processes of all machines together. The rows of the project and of the person are held meanwhile, so that
requests of the same moment are counted one after the other. Settings of 0 are no limit; the product itself and the
machine's own shell have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from connections.models import Project
from exportadmin.lib.actor import SYSTEM, Actor
from exportadmin.lib.counts import give_back, hit
from exportadmin.lib.errors import TooManyError

DAY_SECONDS = 24 * 3600
PROJECT, PERSON = "PROJECT", "PERSON"


def hold(project: Project, actor: Actor) -> bool:
    """Hold both rows until the transaction ends. ``False``: nothing is limited for this actor."""
    if actor.kind == SYSTEM or actor.channel == "shell" or actor.user_id is None:
        return False
    Project.objects.select_for_update(no_key=True).filter(pk=project.pk).values_list("pk").first()
    get_user_model().objects.select_for_update(no_key=True).filter(pk=actor.user_id).values_list("pk").first()
    return True


def check(
    quota: str,
    project: Project,
    actor: Actor,
    *,
    what: str,
    of_project: Callable[[], int],
    of_person: Callable[[], int],
    retry_after: Callable[[], float],
) -> None:
    """``what`` of a project, or of a person, are so many at this moment: one more? Both rows are held.

    Raises :class:`TooManyError`.
    """
    for whose, name, count in (
        (PROJECT, f"project {project.name!r}", of_project),
        (PERSON, actor.name, of_person),
    ):
        setting = f"QUOTA_{quota}_{whose}"
        limit: int = getattr(settings, setting)
        if limit and count() >= limit:
            message = f"{name} has {limit:,} {what}, which is the most{_named(setting)}"
            raise TooManyError(message, retry_after=retry_after())


@contextmanager
def counted() -> Iterator[list[str]]:
    """What :func:`check_day` counts inside is given back where the block raises: around the transaction.

    With PostgreSQL the counts are rolled back with it; SQLite's are in a file of their own.
    """
    keys: list[str] = []
    try:
        yield keys
    except BaseException:
        if connection.vendor != "postgresql":
            for key in keys:
                give_back(key, DAY_SECONDS)
        raise


def check_day(quota: str, project: Project, actor: Actor, *, what: str, keys: list[str]) -> None:
    """Count one more of ``what`` today, inside :func:`counted`, whose ``keys`` those are. Raises
    :class:`TooManyError`.
    """
    for whose, name, key in (
        (PROJECT, f"project {project.name!r}", project.public_id),
        (PERSON, actor.name, str(actor.user_id)),
    ):
        setting = f"QUOTA_{quota}_{whose}"
        limit: int = getattr(settings, setting)
        key = f"quota.{quota}.{whose}.{key}"
        if not limit:
            continue
        if seconds := hit(key, limit, DAY_SECONDS):
            message = f"{name} has asked for {limit:,} {what} within a day, which is the most{_named(setting)}"
            raise TooManyError(message, retry_after=seconds)
        keys.append(key)


def _named(setting: str) -> str:
    return f" (EXPORTADMIN_{setting})"
