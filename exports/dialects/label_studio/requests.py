"""Requests that the SDK sends again by itself: the same one is the same export."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final

import orjson
from django.db.models import Q
from django.utils import timezone
from rest_framework.request import Request

from connections.access.lookup import token_of
from connections.access.permissions import START, require
from connections.models import Project
from connections.store.models import StoreProject
from exportadmin.audit.middleware import actor_of
from exportadmin.runs import statuses
from exports.dialects.label_studio.sign_in import CHANNEL
from exports.models import ExportReport

SAME_REQUEST: Final = timedelta(minutes=2)


def same_request(request: Request, project: Project, asked: Any) -> tuple[ExportReport | None, str]:
    """The report of the same request, where it is not made yet or was asked for not long ago, and the idempotency key
    for another one.

    The same is what the same token asks of rows that have not changed since.
    """
    revision = StoreProject.objects.filter(project=project).values_list("revision", flat=True).first()
    whole = [project.public_id, token_of(request).pk, revision, asked]  # type: ignore[union-attr]
    digest = hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()
    now = timezone.now()
    found = (
        ExportReport.objects.filter(
            Q(status__in=statuses.ACTIVE) | Q(created_at__gt=now - SAME_REQUEST, status__in=statuses.SUCCESSFUL),
            project=project,
            requested_by=request.user.pk,
            files_removed_at=None,
            idempotency_key__startswith=f"label_studio.{digest}.",
        )
        .order_by("-pk")
        .first()
    )
    if found is not None:
        require(actor_of(request, CHANNEL), START, project)
    # two that come at the same moment have the same key
    return found, f"label_studio.{digest}.{int(now.timestamp())}"
