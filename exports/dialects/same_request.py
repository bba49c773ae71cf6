"""Requests that SDKs send again by themselves: the same one is the same export."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final

import orjson
from django.utils import timezone
from rest_framework.request import Request

from connections.access.lookup import token_of
from connections.access.permissions import START, require
from connections.models import Project
from connections.store.models import StoreProject
from exportadmin.audit.middleware import actor_of
from exportadmin.runs import statuses
from exports.idempotency import scope_of
from exports.models import ExportReport

SAME_REQUEST: Final = timedelta(minutes=2)


def same_request(request: Request, dialect: str, project: Project, asked: Any) -> tuple[ExportReport | None, str]:
    """The report of the same request, where it is not made yet or was asked for not long ago, and the idempotency key
    for another one. ``dialect`` is the key of the one through which it came.

    The same is what the same token asks of rows that have not changed since.
    """
    revision = StoreProject.objects.filter(project=project).values_list("revision", flat=True).first()
    whole = [project.public_id, token_of(request).pk, revision, asked]  # type: ignore[union-attr]
    digest = hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()
    actor = actor_of(request, f"dialect:{dialect}")
    prefix = f"{dialect}.{digest}."
    asked_before = ExportReport.objects.filter(
        project=project, idempotency_scope=scope_of(actor), idempotency_key__startswith=prefix
    )
    last = asked_before.order_by("-pk").first()
    # whoever asks at the same moment finds the same one last, and so has the same key
    key = f"{prefix}{last.pk if last else 0}"
    if last is None or not _is_for_more(last):
        return None, key
    require(actor, START, project)
    return last, key


def _is_for_more(report: ExportReport) -> bool:
    """Is it one that the same request again gets? None that was deleted, or is about to be."""
    if report.status in statuses.ACTIVE:
        return not report.cancel_requested
    is_recent = report.created_at > timezone.now() - SAME_REQUEST
    return report.is_delivered and report.files_removed_at is None and is_recent
