"""``exportadmin remote_exports PROJECT``: what was exported on a project's platform; ``--fetch`` brings one here."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections.access.lookup import find_project
from exportadmin.lib.command import AppCommand, shell_actor
from exports import actions
from exports.display.representation import remote_export_json, report_json
from exports.management.commands._running import named_values


class Command(AppCommand):
    """What REST and the pages do with exports that were made there."""

    help = "List what was exported on a project's platform, by whomever; or fetch one of them, check and deliver it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A project, and what to fetch."""
        parser.add_argument("project", help="name or id")
        parser.add_argument("--fetch", metavar="REMOTE_ID", help="request the delivery of this one; a worker runs it")
        parser.add_argument("--name", default="", help="of the export here")
        parser.add_argument(
            "--destination", action="append", default=[], metavar="NAME=VALUE", help="where it is delivered; repeatable"
        )
        parser.add_argument("--json", action="store_true", help="print as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """List, or fetch."""
        project = find_project(options["project"])
        if options["fetch"] is not None:
            report = actions.fetch_remote_export(
                project=project,
                remote_id=options["fetch"],
                name=options["name"],
                destination=named_values(options["destination"], "destination"),
                actor=shell_actor(),
            )
            self.stdout.write(
                json.dumps(report_json(report), ensure_ascii=False, indent=2) if options["json"] else report.report_id
            )
            return
        found = list(map(remote_export_json, actions.remote_exports(project=project, actor=shell_actor())))
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
            return
        for one in found:
            here = one["report_id"] or one["fetched_by"] or "-"
            by = "others" if one["is_theirs"] else "us"
            self.stdout.write(f"{one['remote_id']}  {one['word']}  {by}  {here}  {one['name']}")
        if not found:
            self.stdout.write("nothing was exported there")
