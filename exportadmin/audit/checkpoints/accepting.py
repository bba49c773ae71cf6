"""A person says that a trail which is not the one that was witnessed is right: it was restored from a backup.

Also that checkpoints are gone or changed, and why. Both are a line in the trail and a signed checkpoint that names the
break, which every checkpoint after it repeats. A trail that is broken in itself nobody can accept.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import transaction

from exportadmin.audit.checkpoints import form
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.file import CHANGED, GONE, SHORTENED, scan
from exportadmin.audit.checkpoints.form import Break, Checkpoint
from exportadmin.audit.checkpoints.taking import series_of_here, take, take_accepted
from exportadmin.audit.record import record
from exportadmin.audit.verify import REWRITTEN, ROLLED_BACK, TRUNCATED, Verdict, verify
from exportadmin.lib import times
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.lib.signing import known_keys

OF_CHECKPOINTS: Final = (GONE, SHORTENED, CHANGED)
OF_THE_TRAIL: Final = (TRUNCATED, ROLLED_BACK, REWRITTEN)
LONGEST_WHY: Final = 500


def accept(why: str, actor: Actor) -> tuple[Verdict, Checkpoint]:
    """Accept what the verification of now finds. Gives back that verdict, and the checkpoint that says so.

    Raises :class:`UserError` without a reason, :class:`ConflictError` where there is nothing that can be accepted.
    """
    why = " ".join(why.split())
    if not why or len(why) > LONGEST_WHY:
        raise UserError(
            f"say why, in 1 to {LONGEST_WHY} characters, such as: restored from the backup of Monday", field="why"
        )
    verdict = verify_here(everywhere=True)
    if verdict.unbroken:
        raise ConflictError(f"there is nothing to accept: {verdict.summary}")
    itself = verify()
    if not itself.unbroken or verdict.kind not in (*OF_CHECKPOINTS, *OF_THE_TRAIL) or verdict.sequence is None:
        told = verdict if itself.unbroken else itself
        raise ConflictError(f"{told.summary}. The trail contradicts itself: no one can accept that")
    first = verdict.sequence if verdict.kind in OF_THE_TRAIL else verdict.head[0] + 1
    keys = tuple(known_keys())
    scanned = scan(settings.CHECKPOINTS_FILE, keys)
    before = scanned.last if scanned.last is not None and scanned.last.is_signed_by(keys) else None
    with transaction.atomic():
        record(
            "audit.accepted",
            actor=actor,
            reason=why,
            details={"kind": verdict.kind, "sequence": first, "message": verdict.message},
        )
    broken = Break(
        at_ms=max(times.now_ms(), before.at_ms if before else 0),
        sequence=first,
        kind=verdict.kind,
        message=verdict.message,
        why=why,
        by=actor.name,
        lines_sha256=scanned.sha256,
    )
    reached = before.sequence if before else 0
    written = [row.number for row in series_of_here()]
    one = take_accepted(
        broken,
        base=min(first - 1, reached),
        before=before,
        number=max([scanned.last.number if scanned.last else 0, *written]) + 1,
    )
    take(form.INTERVAL)
    return verdict, one
