"""``exportadmin run_export PROJECT --format F``: an export in the foreground."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from connections.sinks.local import refuse_unless_free
from exportadmin.lib.command import FAILED, AppCommand, shell_actor
from exportadmin.lib.errors import UserError
from exports import actions
from exports.delivery.destination import delivery_of
from exports.display.representation import report_json
from exports.formats import FORMATS
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import Flag
from exports.spec.spec import ExportSpec


class Command(AppCommand):
    """Run an export here and now, wait for its end and say what came out."""

    help = "Run an export in the foreground and print its report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("project", help="name or id of the project")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        for key, flag in _flags():
            action: dict[str, Any] = {"action": "append", "default": []} if flag.is_repeatable else {}
            parser.add_argument(flag.name, dest=key, metavar=flag.metavar, help=flag.help, **action)
        parser.add_argument("--filter", metavar="JSON", help="filter as a JSON object")
        parser.add_argument("--include", action="append", metavar="PART", help="part to include (all); repeatable")
        parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the format")
        parser.add_argument("--name", default="", metavar="N")
        parser.add_argument("--output", type=Path, metavar="DIR", help="deliver into this new or empty folder")
        parser.add_argument("--json", action="store_true", help="print the report as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run and print; exit code 1 when nothing was delivered."""
        project = actions.find_project(options["project"])
        spec = ExportSpec.parse(_body(options), project)
        if options["output"] is not None:
            folder = options["output"].expanduser().absolute()
            refuse_unless_free(folder)
            spec = dataclasses.replace(spec, destination={"kind": "local", "folder": str(folder)})
        report = actions.run_now(project=project, asked=spec, actor=shell_actor(), name=options["name"])
        if options["json"]:
            self.stdout.write(json.dumps(report_json(report), ensure_ascii=False, indent=2))
        elif report.is_delivered:
            self._print(report)
        if not report.is_delivered:
            raise CommandError(f"export {report.status}: {report.error}", returncode=FAILED)

    def _print(self, report: Any) -> None:
        values = report.check_values
        dropped = sum(values["rows_dropped"].values())
        reasons = ", ".join(f"{key} {count:,}" for key, count in values["rows_dropped"].items())
        self.stdout.write(
            f"report {report.report_id} {report.status}: {values['rows_read']:,} rows read ="
            f" {values['rows_kept']:,} kept + {dropped:,} dropped{f' ({reasons})' if reasons else ''};"
            f" {values['annotations']:,} annotations"
        )
        if values["left_out_by_format"]:
            left_out = ", ".join(f"{kind} {count:,}" for kind, count in values["left_out_by_format"].items())
            self.stdout.write(f"note: {report.format} cannot hold these annotations, they were left out: {left_out}")
        address = delivery_of(report).address
        for artifact in report.artifacts.all():
            self.stdout.write(f"{artifact.sha256}  {address}/{artifact.name}  ({artifact.bytes:,} bytes)")


def _flags() -> list[tuple[str, Flag]]:
    """The flags that conditions have of their own, by key."""
    return [(key, condition.flag) for key, condition in CONDITIONS.items() if condition.flag is not None]


def _body(options: dict[str, Any]) -> dict[str, Any]:
    """The create body that the flags stand for."""
    filter_: dict[str, Any] = {}
    if options["filter"]:
        try:
            filter_ = json.loads(options["filter"], object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise UserError(f"--filter is not a JSON object: {error}", field="filter") from None
        if not isinstance(filter_, dict):
            raise UserError("--filter is not a JSON object", field="filter")
    beside: dict[str, Any] = {}
    for key, _ in _flags():
        if CONDITIONS[key].is_beside_filter:
            beside[key] = options[key]
        elif options[key] is not None:
            if key in filter_:
                raise UserError(f"{key} is given twice: as a flag and in --filter", field="filter")
            filter_[key] = options[key]
    choices: dict[str, str] = {}
    for pair in options["option"]:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--option {pair!r} is not NAME=VALUE", field="option")
        choices[name] = value
    return {
        "format": options["format"],
        **beside,
        "filter": filter_,
        "include": options["include"],
        "options": choices,
    }


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} occurs twice")
        found[key] = value
    return found
