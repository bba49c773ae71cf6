"""``exportadmin run_export PROJECT --format F``: an export in the foreground."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from connections.access.lookup import find_project
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import UserError
from exports import actions
from exports.management.commands._filter import filter_of
from exports.management.commands._running import add_flags, delivering, named_values, print_report
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import Flag
from exports.spec.labels import DEFAULT, written_choices
from exports.spec.scope import ID_LISTS, KEY, PROJECT, SCOPES, SWITCHES
from exports.spec.spec import ExportSpec


class Command(AppCommand):
    """Run an export here and now, wait for its end and say what came out."""

    help = "Run an export in the foreground and print its report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("project", help="name or id of the project")
        add_flags(parser)
        for key, flag in _flags():
            action: dict[str, Any] = {"action": "append", "default": []} if flag.is_repeatable else {}
            parser.add_argument(flag.name, dest=key, metavar=flag.metavar, help=flag.help, **action)
        parser.add_argument(
            "--scope",
            metavar="KIND[:ID]",
            help=f"what is read: {', '.join(f'{key}:ID' if each.takes_id else key for key, each in SCOPES.items())} "
            f"({PROJECT})",
        )
        for key in ID_LISTS:
            one = key.removesuffix("_ids").replace("_", "-")
            parser.add_argument(
                f"--with-{one}",
                dest=key,
                action="append",
                metavar="ID",
                help=f"a {one.replace('-', ' ')} whose {_beside(key)} go with the data rows; may be repeated",
            )
        for key in SWITCHES:
            what = key.removeprefix("all_").replace("_", "-")
            parser.add_argument(
                f"--all-{what}",
                dest=key,
                action="store_true",
                help=f"{_beside(key)} of all {what.replace('-', ' ')} go along",
            )
        parser.add_argument("--filter", metavar="JSON", help="filter as a JSON object")
        parser.add_argument(
            "--labels",
            metavar="CHOICE",
            help=f"which labels of each row leave: {', '.join(written_choices())} ({DEFAULT.text})",
        )
        parser.add_argument(
            "--interpolated-frames",
            action="store_true",
            help="every frame of a video's segments, computed between its key frames",
        )
        parser.add_argument(
            "--sync-first",
            action=BooleanOptionalAction,
            help="bring a mirrored project up to date before (as is set for it)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run and print; exit code 1 when nothing was delivered."""
        project = find_project(options["project"])
        spec = ExportSpec.parse(_body(options), project)
        spec = delivering(spec, options)
        report = actions.run_now(project=project, spec=spec, actor=shell_actor(), name=options["name"])
        print_report(report, self.stdout, as_json=options["json"])


def _beside(key: str) -> str:
    return "predictions" if "model_run" in key else "labels"


def _scope(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    kind, colon, identity = text.partition(":")
    return {"kind": kind, "id": identity} if colon else {"kind": kind}


def _flags() -> list[tuple[str, Flag]]:
    """The flags that conditions have of their own, by key."""
    return [(key, condition.flag) for key, condition in CONDITIONS.items() if condition.flag is not None]


def _body(options: dict[str, Any]) -> dict[str, Any]:
    """The create body that the flags stand for."""
    filter_ = filter_of(options["filter"]) if options["filter"] else {}
    beside: dict[str, Any] = {}
    for key, _ in _flags():
        if CONDITIONS[key].is_beside_filter:
            beside[key] = options[key] or None
        elif options[key] not in (None, []):  # a flag that was not given
            if key in filter_:
                raise UserError(f"{key} is given twice: as a flag and in --filter", field="filter")
            filter_[key] = options[key]
    return {
        "format": options["format"],
        KEY: _scope(options[KEY]),
        **{key: options[key] for key in (*ID_LISTS, *SWITCHES)},
        **beside,
        "filter": filter_,
        "labels": options["labels"],
        "interpolated_frames": options["interpolated_frames"] or None,
        "include": options["include"],
        "options": named_values(options["option"], "option"),
        "destination": named_values(options["destination"], "destination"),
        "max_refused": options["max_refused"],
        "sync_first": options["sync_first"],
    }
