"""``exportadmin mirrors VERB …``: projects of labelling platforms, kept here and brought up to date."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandError

from connections.access.lookup import find_connection, find_project
from connections.models import Project
from connections.sync import actions
from connections.sync.lookup import mirror_of
from connections.sync.models import AUTO, FULL, Mirror, SyncRun
from connections.sync.representation import mirror_json, remote_projects_json, sync_json
from exportadmin.lib.command import FAILED, AppCommand, ProgressBar, shell_actor
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.runs import statuses

SYNCS_SHOWN: Final = 20
_FLAGS: Final = {"yes": True, "no": False}


class Command(AppCommand):
    """What REST and the pages do with mirrored projects, here."""

    help = "List the projects of a platform; mirror one of them; sync it; show and change how it is mirrored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A verb, and what it takes."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for verb, about in (
            ("projects", "the projects that a connection reaches, and which are mirrored"),
            ("add", "mirror one of them; the new project's id is the only line on stdout"),
        ):
            one = verbs.add_parser(verb, help=about)
            one.add_argument("connection", help="name or id")
            if verb == "add":
                one.add_argument("external_id", help="the project's id there")
                one.add_argument("--name", default="", help="how it is called here; left out: as there")
            one.add_argument("--json", action="store_true", help="print as REST does")
        for verb, about in (
            ("show", "where a project comes from, and as of when it is up to date"),
            ("change", "other settings; what is not given stays"),
            ("sync", "bring it up to date, here and now; exit code 1 unless all rows went in"),
            ("syncs", "its last syncs"),
        ):
            one = verbs.add_parser(verb, help=about)
            one.add_argument("project", help="name or id")
            if verb == "change":
                one.add_argument("--full-every-hours", type=int, help="how often everything is read; 0: each time")
                one.add_argument("--sync-first", choices=_FLAGS, help="do exports bring it up to date first?")
                one.add_argument(
                    "--option",
                    action="append",
                    default=[],
                    metavar="NAME=VALUE",
                    help="what its syncs ask the platform with; an empty value takes it out",
                )
            if verb == "sync":
                one.add_argument("--full", action="store_true", help="read everything, not only what changed")
            one.add_argument("--json", action="store_true", help="print as REST does")
        cancel = verbs.add_parser("cancel", help="stop a sync")
        cancel.add_argument("sync", help="its id")
        cancel.add_argument("--json", action="store_true", help="print as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """The verb."""
        getattr(self, f"_{options['verb']}")(options)

    def _projects(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        found = actions.list_remote_projects(connection=connection, actor=shell_actor())
        if options["json"]:
            self._print(remote_projects_json(found))
            return
        for each in found.offered:
            here = f"mirrored as {each.project.name}" if each.project else "not mirrored"
            self.stdout.write(f"{each.remote.external_id}  {each.remote.data_type or '-'}  {here}  {each.remote.name}")
        if not found.offered:
            self.stdout.write("no projects there")
        for sentence in found.left_out:
            self.stderr.write(sentence)

    def _add(self, options: Mapping[str, Any]) -> None:
        project = actions.mirror_project(
            connection=find_connection(options["connection"]),
            external_id=options["external_id"],
            name=options["name"],
            actor=shell_actor(),
        )
        if options["json"]:
            self._print(mirror_json(_mirror(project)))
        else:
            self.stdout.write(project.public_id)

    def _show(self, options: Mapping[str, Any]) -> None:
        self._tell(_mirror(find_project(options["project"])), options)

    def _change(self, options: Mapping[str, Any]) -> None:
        project = find_project(options["project"])
        mirror = actions.change_mirror(
            project=project,
            actor=shell_actor(),
            full_every_hours=options["full_every_hours"],
            sync_first=_FLAGS.get(options["sync_first"]),
            options=_named(options["option"]) or None,
        )
        self._tell(mirror, options)

    def _sync(self, options: Mapping[str, Any]) -> None:
        project, bar = find_project(options["project"]), ProgressBar("sync", wanted=not options["json"])
        try:
            mode = FULL if options["full"] else AUTO
            run = actions.sync_now(project=project, actor=shell_actor(), mode=mode, on_progress=bar)
        finally:
            bar.close()
        if options["json"]:
            self._print(sync_json(run, with_refused=True))
        else:
            self.stdout.write(_line(run))
        if run.status != statuses.COMPLETED:
            raise CommandError(f"sync {run.status}{f': {run.error}' if run.error else ''}", returncode=FAILED)

    def _syncs(self, options: Mapping[str, Any]) -> None:
        runs = SyncRun.objects.filter(project=find_project(options["project"])).select_related("project")[:SYNCS_SHOWN]
        if options["json"]:
            self._print([sync_json(run) for run in runs])
            return
        for run in runs:
            self.stdout.write(f"{run.public_id}  {_line(run)}")
        if not runs:
            self.stdout.write("no syncs yet")

    def _cancel(self, options: Mapping[str, Any]) -> None:
        run = SyncRun.objects.select_related("project").filter(public_id=options["sync"]).first()
        if run is None:
            raise NotFoundError(f"there is no sync {options['sync'][:80]!r}")
        run = actions.cancel_sync(run=run, actor=shell_actor())
        if options["json"]:
            self._print(sync_json(run))
        else:
            self.stdout.write("cancelled" if run.status == statuses.CANCELLED else "asked to stop")

    def _tell(self, mirror: Mirror, options: Mapping[str, Any]) -> None:
        if options["json"]:
            self._print(mirror_json(mirror))
            return
        project = mirror.project
        self.stdout.write(f"{project.name}: project {project.external_id} of connection {project.connection.name}")
        as_of = f"up to date as of {mirror.synced_at.isoformat()}" if mirror.synced_at else "not read yet"
        self.stdout.write(f"  {as_of}; everything is read every {mirror.full_every_hours} hours")
        self.stdout.write(f"  exports {'bring' if mirror.sync_first else 'do not bring'} it up to date first")
        if mirror.options:
            told = ", ".join(f"{name} {value}" for name, value in mirror.options.items())
            self.stdout.write(f"  its syncs ask with {told}")
        for what, count in mirror.not_understood.items():
            self.stdout.write(f"  not understood: {count:,} {what}")

    def _print(self, shown: object) -> None:
        self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))


def _mirror(project: Project) -> Mirror:
    mirror = mirror_of(project)
    if mirror is None:
        raise NotFoundError(f"project {project.name!r} mirrors no project of a platform")
    return mirror


def _line(run: SyncRun) -> str:
    """``completed, full: 30 read = 30 created + …``."""
    summary, mode = run.summary, f", {run.mode}" if run.mode else ""
    if summary is None:
        return f"{run.status}{mode}{f': {run.error}' if run.error else ''}"
    return (
        f"{run.status}{mode}: {summary['rows']:,} rows read = {summary['created']:,} created"
        f" + {summary['updated']:,} updated + {summary['unchanged']:,} unchanged"
        f" + {summary['refused_count']:,} refused; {summary.get('gone', 0):,} gone"
    )


def _named(pairs: list[str]) -> dict[str, str]:
    named = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise UserError(f"--option {pair!r} is not NAME=VALUE", field="option")
        named[name] = value
    return named
