"""Connections (how a platform or bucket is reached) and projects (what is exported from)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from connections import secret_values
from connections.adapters import PRIVATE_ADDRESS, Step
from exportadmin.lib import crypto, masking, times
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.ids import new_id


def is_time_zone(name: str) -> None:
    """A model validator. Raises ``ValidationError`` for a name that is no IANA time zone."""
    try:
        times.zone(name)
    except UserError as error:
        raise ValidationError(error.message) from error


# the kind of the connection to the built-in store
STORE: Final = "store"


class ConnectionManager(models.Manager["Connection"]):
    """Without those that were deleted: of them only the row is left, for the reports that were delivered through it."""

    def get_queryset(self) -> models.QuerySet[Connection]:
        """See the class."""
        return super().get_queryset().filter(deleted_at=None)


class Connection(models.Model):
    """A stored way to reach a platform or a place to deliver to.

    ``kind`` is :data:`STORE` or a key of :func:`connections.kinds.connection_kinds`; ``config`` has the kind's
    ``connection_fields`` by name. With ``disabled_at`` nothing new is begun through it. ``created_by`` is a name,
    frozen as it was. The last test began at ``tested_at``; ``test_result`` is ``{}`` or ``{"state": one of
    connections.adapters.TEST_STATES, "tested_by": name, "steps": [fields of a Step, …]}``, of the steps so far.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    config = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, editable=False)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_result = models.JSONField(default=dict, blank=True)

    objects: ClassVar[ConnectionManager] = ConnectionManager()
    with_deleted: ClassVar[models.Manager[Connection]] = models.Manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at=None), name="connection_name_once")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def private_address(self) -> str:
        """``host:port`` of the one private address that it may reach; empty: public ones only."""
        return str(self.config.get(PRIVATE_ADDRESS, ""))

    @property
    def test_steps(self) -> list[Step]:
        """Of the last test, in their order."""
        return [Step(**step) for step in self.test_result.get("steps", [])]

    def secrets(self) -> Secrets:
        """Its secrets as they are used: decrypted, references followed. For adapters alone, and never kept.

        One query. Raises :class:`~exportadmin.lib.errors.PermanentError` in words that name connection and field.
        """
        return Secrets({secret.field: secret.reveal() for secret in self.stored_secrets.select_related("connection")})


class Secrets(Mapping[str, str]):
    """Values by field. It is shown without them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, field: str) -> str:
        return self._values[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Secrets of {', '.join(self._values) or 'nothing'}>"


class ConnectionSecret(models.Model):
    """``value`` is encrypted, or a reference (:mod:`connections.secret_values`). ``set_by`` is a name."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="stored_secrets")
    field = models.CharField(max_length=60)
    value = models.TextField()
    set_at = models.DateTimeField()
    set_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["field"]
        constraints = [models.UniqueConstraint(fields=["connection", "field"], name="connection_secret_once")]

    def __str__(self) -> str:
        return f"{self.field} of {self.connection}"

    @property
    def reference(self) -> str:
        """``env:NAME`` or ``file:/path``; empty: the value itself is stored."""
        return self.value if secret_values.is_reference(self.value) else ""

    def holds(self, text: str) -> bool:
        """Is ``text`` what it was set to? What cannot be read holds nothing."""
        if self.reference or secret_values.is_reference(text):
            return self.value == text
        try:
            return hmac.compare_digest(self.reveal().encode(), text.encode())
        except PermanentError:
            return False

    def put(self, text: str) -> None:
        """Have it hold ``text``, a value or a reference; it is not saved."""
        if secret_values.is_reference(text):
            self.value = text
        else:
            masking.remember(text)
            self.value = crypto.encrypt(text, self._place)

    def reveal(self) -> str:
        """The secret itself. Raises :class:`~exportadmin.lib.errors.PermanentError`, in words that do not hold it."""
        try:
            if self.reference:
                secret = secret_values.follow(self.value)
            else:
                secret = crypto.decrypt(self.value, self._place)
        except PermanentError as error:
            raise PermanentError(f"secret {self.field} of connection {self.connection.name!r} {error}") from None
        masking.remember(secret)
        return secret

    @property
    def _place(self) -> crypto.Place:
        return crypto.Place(self._meta.db_table, self.connection.public_id, self.field)


class ConnectionGrant(models.Model):
    """The people of ``project`` may use ``connection``, within their roles. ``granted_by`` is a name."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="grants")
    project = models.ForeignKey("Project", on_delete=models.CASCADE, related_name="connection_grants")
    granted_at = models.DateTimeField(auto_now_add=True)
    granted_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["connection", "project"], name="connection_grant_once")]

    def __str__(self) -> str:
        return f"{self.connection} for {self.project}"


class ProjectManager(models.Manager["Project"]):
    """Without projects that were deleted and whose rows and files are still being taken away."""

    def get_queryset(self) -> models.QuerySet[Project]:
        """See the class."""
        return super().get_queryset().filter(deleted_at=None)


class Project(models.Model):
    """What is exported from: a project of a source connection.

    ``public_id`` is what stands in rows, URLs and the API; ``external_id`` is the project's own id on its platform (the
    built-in store has none). ``time_zone`` reads times that come without one. With ``deleted_at`` it is gone for
    everybody, and :mod:`connections.deletion` is taking away what belongs to it.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="projects")
    external_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[is_time_zone])
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[ProjectManager] = ProjectManager()
    with_deleted: ClassVar[models.Manager[Project]] = models.Manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name"], condition=Q(deleted_at=None), name="project_name_once"
            ),
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=Q(deleted_at=None) & ~Q(external_id=""),
                name="project_external_id_once",
            ),
        ]
        indexes = [models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="project_deleted")]

    def __str__(self) -> str:
        return self.name


class MadeThere(models.Model):
    """Something that a platform made, or may have made, for a run of ours alone: taken away there once that has ended.

    ``run_kind`` and ``run_pk`` say the run; ``remote_id`` is the platform's id, empty: nobody knows it yet; ``wanted``
    is what was asked for, and ``place`` where the connection led to then. ``due_at``: not before.
    """

    run_kind = models.CharField(max_length=20)
    run_pk = models.BigIntegerField()
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=200)
    remote_id = models.CharField(max_length=200, blank=True)
    wanted = models.JSONField()
    place = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["run_kind", "run_pk"], name="made_there_run")]

    def __str__(self) -> str:
        return f"{self.wanted.get('name', '')} ({self.remote_id or 'not known to be made'})"
