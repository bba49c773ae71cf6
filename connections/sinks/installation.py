"""Delivery to this installation itself: into a folder of its machine, or into the store that takes the folder's place.

``EXPORTADMIN_ARTIFACTS_URL`` says which. A delivery has the same location, ``<project id>/<report id>``, in both, and
its files have the same names: whoever copies one to the other moves an installation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from django.conf import settings

from connections.artifact_store import store_connection
from connections.models import Connection
from connections.sinks.base import Delivery, Draft, DraftFile, Leftover, ReportKey, Sink
from connections.sinks.local import LocalSink
from connections.sinks.s3 import S3Sink


class InstallationSink(Sink):
    """With the setting ``folder`` (an absolute path; only the shell gives it, so it is no field) into that folder."""

    key = "local"
    title = "This installation"
    help = "Files stay with Export Admin, to be downloaded here or through a link."
    needs_connection = False

    @property
    def is_ours(self) -> bool:
        return "folder" not in self.settings

    @property
    def is_remote(self) -> bool:
        return self._has_store

    @property
    def _has_store(self) -> bool:
        return bool(settings.ARTIFACTS_STORE) and self.is_ours

    def _sink(self, project_id: str = "") -> Sink:
        if not self._has_store:
            return LocalSink(None, self.settings)
        connection = store_connection()
        folder = f"{_root(connection)}{project_id}/" if project_id else _root(connection)
        return S3Sink(connection, {"folder": folder})

    def why_not(self) -> str:
        return self._sink().why_not()

    def free_bytes(self) -> int | None:
        return self._sink().free_bytes()

    def forget_project(self, project_id: str) -> None:
        self._sink(project_id).forget_project(project_id)

    def address(self, report: ReportKey) -> str:
        return self._sink(report.project_id).address(report)

    def begin(self, report: ReportKey) -> Draft:
        draft = self._sink(report.project_id).begin(report)
        return _Draft(draft) if self._has_store else draft

    def delivery(self, location: str) -> Delivery:
        if not self._has_store or location.startswith("/"):
            return LocalSink(None, {}).delivery(location)
        return _here(self._sink().delivery(f"{_root()}{location}"))

    def published(self, report: ReportKey) -> Delivery | None:
        delivery = self._sink(report.project_id).published(report)
        return _here(delivery) if delivery and self._has_store else delivery

    def discard(self, report: ReportKey) -> None:
        self._sink(report.project_id).discard(report)

    def leftovers(self, older_than: datetime) -> Iterator[Leftover]:
        for leftover in self._sink().leftovers(older_than):
            yield replace(leftover, location=_short(leftover.location)) if self._has_store else leftover

    def remove_leftover(self, leftover: Leftover) -> None:
        location = f"{_root()}{leftover.location}" if self._has_store else leftover.location
        self._sink().remove_leftover(replace(leftover, location=location))


class _Draft(Draft):
    """A draft in the store, whose delivery is found by our location."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def open_file(self, name: str, media_type: str) -> DraftFile:
        return self._draft.open_file(name, media_type)

    def commit(self, manifest: bytes) -> Delivery:
        return _here(self._draft.commit(manifest))

    def abort(self) -> None:
        self._draft.abort()


def _root(connection: Connection | None = None) -> str:
    config = (connection or store_connection()).config
    return f"{config['bucket']}/{config['prefix']}"


def _short(location: str) -> str:
    return location.removeprefix(_root())


def _here(delivery: Delivery) -> Delivery:
    delivery.location = _short(delivery.location)
    return delivery
