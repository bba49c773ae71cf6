"""A connection as REST answers it and the shell prints it, for somebody who may know of it. No secret is in it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from connections.adapters import ConnectionKind
from connections.kinds import connection_kinds
from connections.models import Connection, Project
from connections.platforms.base import RemoteConnection
from connections.states import test_state
from connections.use import Use


def connection_json(connection: Connection, *, by_manager: bool) -> dict[str, Any]:
    """``by_manager``: whoever asks manages connections; others do not learn where a secret is kept.

    One query, for the secrets, unless they were prefetched (``stored_secrets``).
    """
    return {
        "id": connection.public_id,
        "kind": connection.kind,
        "name": connection.name,
        "config": connection.config,
        "secrets": secrets_json(connection, by_manager=by_manager),
        "created_at": connection.created_at.isoformat(),
        "created_by": connection.created_by,
        "disabled_at": _iso(connection.disabled_at),
        "test": last_test_json(connection),
    }


def secrets_json(connection: Connection, *, by_manager: bool) -> dict[str, Any]:
    """Of each secret that the kind declares whether it is set, when and by whom, and the reference if it is one."""
    stored = {secret.field: secret for secret in connection.stored_secrets.all()}
    kind: type[ConnectionKind] | None = connection_kinds().get(connection.kind)
    names = [field.name for field in kind.connection_secrets] if kind else []
    shown: dict[str, Any] = {}
    for name in dict.fromkeys([*names, *stored]):
        secret = stored.get(name)
        shown[name] = {
            "is_set": secret is not None,
            "set_at": _iso(secret.set_at) if secret else None,
            "set_by": secret.set_by if secret else "",
            "reference": secret.reference if secret and by_manager else "",
        }
    return shown


def last_test_json(connection: Connection) -> dict[str, Any] | None:
    """The last test as far as it came; ``None``: not tested since it is as it is."""
    if not connection.test_result:
        return None
    return {"tested_at": _iso(connection.tested_at), **connection.test_result, "state": test_state(connection)}


def grants_json(connection: Connection, projects: QuerySet[Project]) -> list[dict[str, Any]]:
    """Those of ``projects`` that may use it, by name."""
    grants = connection.grants.filter(project__in=projects).select_related("project").order_by("project__name", "pk")
    return [
        {
            "project": {"id": grant.project.public_id, "name": grant.project.name},
            "granted_at": grant.granted_at.isoformat(),
            "granted_by": grant.granted_by,
        }
        for grant in grants
    ]


def uses_json(uses: list[Use]) -> list[dict[str, Any]]:
    """What uses it, a sort of things each."""
    return [{"what": use.what, "count": use.count, "first": [asdict(user) for user in use.first]} for use in uses]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def remote_connection_json(remote: RemoteConnection) -> dict[str, Any]:
    """One of a platform's own connections to buckets."""
    return {"connection_id": remote.connection_id, "name": remote.name, "details": dict(remote.details)}
