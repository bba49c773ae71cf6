"""Who may do what: roles of people in projects, keys of scripts, and what a person has chosen for the pages."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from connections.access import roles
from connections.models import Project, is_time_zone
from exportadmin.lib.ids import new_id


class Membership(models.Model):
    """A person's role in a project (:mod:`connections.access.roles`)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=roles.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "user"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_a_project")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} in {self.project}"


class ApiToken(models.Model):
    """A script's key: acts for its user, within its scopes and, where bound, within one project.

    The key itself is shown once and kept only as a SHA-256 ``digest`` (it is 256 random bits, so that is enough);
    ``prefix`` is its beginning, for people who look for it in their files.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.CASCADE, related_name="tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Preference(models.Model):
    """What a person has chosen for the pages (:mod:`connections.access.preferences`). ``time_zone`` is an IANA name."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preference")
    theme = models.CharField(max_length=10, default="system")
    time_zone = models.CharField(max_length=64, default="UTC", validators=[is_time_zone])

    def __str__(self) -> str:
        return f"{self.theme}, {self.time_zone}"
