"""``exportadmin load_demo``: something to look at in a new installation. Run again, it changes nothing."""

from __future__ import annotations

import os
import secrets
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction

from connections.access import people
from connections.actions import store_project
from connections.models import Project
from connections.store import demo
from connections.store.import_row import IncomingRow
from connections.store.upsert import write_rows
from exportadmin.lib.command import FAILED, AppCommand, shell_actor
from exportadmin.runs import statuses
from exports import actions
from exports.formats import FORMATS
from exports.models import ExportReport
from exports.spec.spec import ExportSpec

ADMIN = "admin"


class Command(AppCommand):
    """An admin, a demo project with rows of every medium, one export in each format; what is there already stays."""

    help = "Make the admin user, the demo project and one export of it in each format; safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--no-exports", action="store_true", help="only the admin and the project")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing. Exit code 1 when a row was refused or an export failed."""
        self._admin()
        project = self._project()
        if not options["no_exports"]:
            self._exports(project)

    def _admin(self) -> None:
        """The password is shown here and nowhere else: only its hash is kept."""
        if get_user_model().objects.filter(username=ADMIN).exists():
            return
        password = secrets.token_urlsafe(12)
        try:
            with transaction.atomic():
                people.create_superuser(username=ADMIN, email="", password=password, actor=shell_actor())
        except IntegrityError:  # made by someone else just now, who was told the password
            return
        self.stdout.write(f"user {ADMIN} made; its password, shown this once: {password}")

    def _project(self) -> Project:
        project = store_project(demo.PROJECT_NAME, shell_actor())
        folder = settings.MEDIA_DIR / project.public_id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        rows = demo.project_rows(f"/media/{project.public_id}")
        summary = write_rows(project, _with_pictures(rows, folder), classes=demo.CLASSES, now_ms=demo.WRITTEN_MS)
        if summary.refused_count:
            first = summary.refused[0]
            raise CommandError(f"{first.position} of the demo was refused: {first.reason}", returncode=FAILED)
        if summary.created or summary.updated:
            self.stdout.write(
                f"project {project.name}: {summary.rows:,} rows, {summary.created:,} new, {summary.updated:,} changed"
            )
        return project

    def _exports(self, project: Project) -> None:
        for key, writer in FORMATS.items():
            name = f"{project.name} as {key}"
            there = ExportReport.objects.filter(project=project, format=key, name=name, status__in=statuses.SUCCESSFUL)
            if there.exists():
                continue
            run = {"scope": {"kind": "model_run", "id": demo.RUN.run_id}} if writer.needs_run else {}
            spec = ExportSpec.parse({"format": key, **run}, project)
            report = actions.run_now(project=project, spec=spec, name=name, actor=shell_actor())
            if not report.is_delivered:
                raise CommandError(f"export {name!r} {report.status}: {report.error}", returncode=FAILED)
            self.stdout.write(f"export {name}: {report.rows_done:,} rows, report {report.report_id}")


def _with_pictures(rows: Iterator[IncomingRow], folder: Path) -> Iterator[IncomingRow]:
    """The rows, each picture's after it is in its place; one that is there already is not made again."""
    for row in rows:
        path = folder / row.key
        if demo.is_picture(row) and not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_bytes(demo.picture(row))
            draft.replace(path)
        yield row
