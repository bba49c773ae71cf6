"""Idempotency keys: the same request sent again makes no second report."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

import orjson
from django.utils import timezone

from connections.models import Project
from exportadmin.lib import env
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, UserError
from exports.models import ExportReport
from exports.spec.spec import ExportSpec

MAX_KEY: Final = 255
KEY_DAYS = 30


class IdempotencyKey:
    """An idempotency key with whose it is and what was asked with it."""

    def __init__(self, key: str, scope: str, digest: str, project: Project) -> None:
        self.key, self.scope, self.digest, self.project = key, scope, digest, project

    @classmethod
    def of(
        cls,
        key: str | None,
        actor: Actor,
        project: Project,
        spec: ExportSpec,
        name: str,
        description: str,
        converted_from: ExportReport | None,
    ) -> IdempotencyKey | None:
        if key is None:
            return None
        key = usable_key(key)
        source = converted_from.report_id if converted_from else None
        request = [project.public_id, spec.to_json(), name, description, source]
        digest = hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()
        return cls(key, scope_of(actor), digest, project)

    def report(self) -> ExportReport | None:
        """The report that this key made. Raises :class:`ConflictError` when something else was asked with it."""
        found = ExportReport.objects.filter(idempotency_scope=self.scope, idempotency_key=self.key).first()
        if found is not None and found.idempotency_digest != self.digest:
            # one of another project may be somebody else's business by now
            which = f" (report {found.report_id})" if found.project_id == self.project.pk else ""
            raise ConflictError(
                f"the idempotency key {self.key[:40]!r} was used for another request{which}", field="Idempotency-Key"
            )
        return found


def scope_of(actor: Actor) -> str:
    """Whose keys they are: a person's, or a token's, which knows nothing of what its person does otherwise."""
    who = (actor.kind, actor.user_id, actor.token_id)
    return ":".join(str(part) for part in who if part is not None)


def usable_key(key: str) -> str:
    """The key itself. Raises :class:`UserError`."""
    if not 0 < len(key) <= MAX_KEY or not all("!" <= char <= "~" for char in key):
        raise UserError(
            f"an idempotency key has 1 to {MAX_KEY} printable characters of ASCII, no blanks", field="Idempotency-Key"
        )
    return key


def forget_keys() -> int:
    """Idempotency keys that are older than the setting says: sent again, they make a new report. How many."""
    days = env.number("IDEMPOTENCY_DAYS", KEY_DAYS, at_least=1)
    kept = ExportReport.objects.filter(created_at__lt=timezone.now() - timedelta(days=days))
    return kept.exclude(idempotency_key=None).update(idempotency_key=None, idempotency_scope="", idempotency_digest="")
