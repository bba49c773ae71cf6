"""What somebody looks at again and again in a short while is one line of the trail: the trail itself, the pictures of a
project, the plan beside a form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from exportadmin.audit.canonical import canonical, plain
from exportadmin.audit.middleware import NOBODY
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.record import ObjectLike, ProjectLike, is_left_out, record
from exportadmin.lib import counts
from exportadmin.lib.actor import Actor
from exportadmin.lib.networks import network

LOOK_SECONDS: Final = 600


def record_once(
    event: str,
    *,
    actor: Actor,
    key: object,
    project: ProjectLike | None = None,
    obj: ObjectLike | None = None,
    outcome: str = DONE,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEntry | None:
    """:func:`record` in a transaction of its own, the first time in :data:`LOOK_SECONDS`; ``None``: it stands there, or
    is left out.

    ``key`` (with a plain form) says what was looked at. Each person, token and channel has lines of its own.
    """
    if is_left_out(event, actor, outcome):
        return None  # and is not counted: the next look is the first
    who = [actor.kind, actor.user_id, actor.token_id, actor.channel, network(actor.address)]
    if actor.name != NOBODY:
        who[-1] = actor.name
    told = canonical(plain([event, who, outcome, project and _id(project), key]))
    name = f"audit.once.{hashlib.sha256(told).hexdigest()}"
    if counts.hit(name, 1, LOOK_SECONDS):
        return None
    try:
        with transaction.atomic():
            about: dict[str, Any] = {"project": project, "obj": obj, "details": details}
            return record(event, actor=actor, outcome=outcome, reason=reason, **about)
    except BaseException:
        counts.undo(name, LOOK_SECONDS)  # the next look tries again
        raise


def _id(project: ProjectLike) -> str:
    return project[0] if isinstance(project, tuple) else project.public_id
