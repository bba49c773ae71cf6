"""``exportadmin slices PROJECT``: saved selections of data rows."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections.access.lookup import find_project
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import NotFoundError, UserError
from exports import slice_actions
from exports.display.representation import slice_json
from exports.management.commands._filter import filter_of
from exports.models import Slice


class Command(AppCommand):
    """List the slices of a project, save one, change one or delete one."""

    help = "List the slices of a project; with --save NAME and --filter keep one, or change the one of that name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("project", help="name or id")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--save", metavar="NAME", help="keep the selection of --filter under this name")
        which.add_argument("--delete", metavar="NAME", help="forget the slice of this name; exports of it stay")
        parser.add_argument("--filter", metavar="JSON", help="what it selects, as a JSON object")
        parser.add_argument("--json", action="store_true", help="print slices as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and print the slices that are meant."""
        project = find_project(options["project"])
        if (options["save"] is None) != (options["filter"] is None):
            raise UserError("--save and --filter go together", field="filter")
        slices = Slice.objects.filter(project=project).select_related("project")
        if options["save"] is not None:
            what: dict[str, Any] = {"name": options["save"], "filter": filter_of(options["filter"])}
            known = slices.filter(name=options["save"].strip()).first()
            if known is None:
                self._print([slice_actions.save_slice(project=project, actor=shell_actor(), **what)], options)
            else:
                what["description"] = known.description
                self._print([slice_actions.change_slice(slice=known, actor=shell_actor(), **what)], options)
        elif options["delete"] is not None:
            found = slices.filter(name=options["delete"]).first()
            if found is None:
                raise NotFoundError(f"no slice {options['delete'][:80]!r} in project {project.name!r}")
            slice_actions.delete_slice(slice=found, actor=shell_actor())
            self.stdout.write(f"slice {found.name!r} deleted")
        else:
            self._print(list(slices), options)

    def _print(self, slices: list[Slice], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps([slice_json(each) for each in slices], ensure_ascii=False, indent=2))
            return
        for each in slices:
            self.stdout.write(f"{each.public_id}  {each.name}  {json.dumps(each.filter, ensure_ascii=False)}")
