"""Tables of the trail. Only :mod:`exportadmin.audit.record` writes here; model, queryset and triggers refuse the rest.

JSON is kept as canonical text, not in a JSON column: what is hashed is then, byte for byte, what is stored
(PostgreSQL's jsonb rewrites numbers and refuses U+0000).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn

from django.db import models

DONE, REFUSED, FAILED = "done", "refused", "failed"
OUTCOMES: tuple[str, ...] = (DONE, REFUSED, FAILED)
GENESIS = "0" * 64


class AppendOnlyError(TypeError):
    """Someone tried to write to the trail past its one way in."""


def _refuse(what: str) -> NoReturn:
    raise AppendOnlyError(f"the audit trail is append-only: {what} is refused; new entries come from record()")


class AppendOnlyQuerySet(models.QuerySet["AuditEntry"]):
    """Reads only."""

    def update(self, **kwargs: Any) -> NoReturn:
        _refuse("update()")

    def delete(self) -> NoReturn:
        _refuse("delete()")

    def create(self, **kwargs: Any) -> NoReturn:
        _refuse("create()")

    def get_or_create(self, defaults: Any = None, **kwargs: Any) -> NoReturn:
        _refuse("get_or_create()")

    def update_or_create(self, defaults: Any = None, create_defaults: Any = None, **kwargs: Any) -> NoReturn:
        _refuse("update_or_create()")

    def bulk_create(self, objs: Iterable[AuditEntry], *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("bulk_create()")

    def bulk_update(self, objs: Iterable[AuditEntry], *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("bulk_update()")

    def _update(self, values: Any) -> NoReturn:
        _refuse("update()")

    def _raw_delete(self, using: Any) -> NoReturn:
        _refuse("delete()")


class AuditEntry(models.Model):
    """One line of the trail. Names are frozen as text and outlive what they name.

    ``sequence`` counts 1, 2, 3 … without a gap; ``at_ms`` is UTC. ``hash`` is the sha256 of the canonical JSON of all
    the other fields (:func:`exportadmin.audit.chain.digest`), ``previous_hash`` that of the entry before.
    """

    sequence = models.BigIntegerField(primary_key=True)
    at_ms = models.BigIntegerField()
    event = models.CharField(max_length=80)
    outcome = models.CharField(max_length=10)
    reason = models.TextField(blank=True)
    actor_kind = models.CharField(max_length=20)
    actor_name = models.CharField(max_length=200)
    actor_user_id = models.BigIntegerField(null=True)
    actor_token_id = models.BigIntegerField(null=True)
    channel = models.CharField(max_length=20)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    project_id = models.CharField(max_length=64, blank=True)
    project_name = models.CharField(max_length=200, blank=True)
    object_kind = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=200, blank=True)
    object_name = models.CharField(max_length=300, blank=True)
    before_json = models.TextField()
    after_json = models.TextField()
    details_json = models.TextField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects: ClassVar[models.Manager[AuditEntry]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        ordering = ["-sequence"]
        base_manager_name = "objects"
        verbose_name_plural = "audit entries"
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["at_ms"], name="audit_at"),
            models.Index(fields=["event", "sequence"], name="audit_event"),
            models.Index(fields=["actor_name", "sequence"], name="audit_actor"),
            models.Index(fields=["project_id", "sequence"], name="audit_project"),
            models.Index(fields=["object_id", "sequence"], name="audit_object"),
            models.Index(fields=["request_id"], name="audit_request"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.event}"

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: entries come from ``record()``."""
        _refuse("save()")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        _refuse("delete()")

    @property
    def before(self) -> Any:
        """What stood before the change, secrets masked; ``None`` where nothing did."""
        return json.loads(self.before_json)

    @property
    def after(self) -> Any:
        """What stands after the change, secrets masked; ``None`` where nothing does."""
        return json.loads(self.after_json)

    @property
    def details(self) -> dict[str, Any]:
        """What else is known."""
        kept: dict[str, Any] = json.loads(self.details_json)
        return kept

    def append(self) -> None:
        """Insert this entry. For ``record()`` alone: the database refuses what does not continue the chain."""
        super().save(force_insert=True)


class AuditHead(models.Model):
    """The one row that every writer locks: the last entry's sequence and hash. It moves by one, with its entry."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_one_head")]

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


class CheckpointSeries(models.Model):
    """What the database knows of a file of checkpoints: its last line (:mod:`exportadmin.audit.checkpoints`).

    A file that ends before that line was shortened; a line that is one ahead of the file was about to be written when
    the process died. ``place`` is the machine and the path of the file.
    """

    series = models.CharField(max_length=64, primary_key=True)
    place = models.CharField(max_length=1000)
    number = models.BigIntegerField()
    sequence = models.BigIntegerField()
    at_ms = models.BigIntegerField()
    line = models.TextField()

    class Meta:
        default_permissions = ()
        verbose_name_plural = "checkpoint series"

    def __str__(self) -> str:
        return f"{self.series} {self.number}"


class ChainVerdict(models.Model):
    """What the last verification of the whole chain found, by whomever; also of a trail that takes no more entries.

    ``entry`` is the line about it in the trail, if there could be one.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at_ms = models.BigIntegerField()
    verified_by = models.CharField(max_length=250)
    milliseconds = models.BigIntegerField()
    entry = models.BigIntegerField(null=True)
    entries = models.BigIntegerField()
    since_ms = models.BigIntegerField(null=True)
    witnesses = models.BigIntegerField()
    kind = models.CharField(max_length=40, blank=True)
    bad_entry = models.BigIntegerField(null=True)
    message = models.TextField(blank=True)
    notes = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_one_verdict")]

    def __str__(self) -> str:
        return self.kind or "unbroken"
