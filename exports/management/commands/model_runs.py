"""``exportadmin model_runs VERB PROJECT …``: runs of models over the rows of a project."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections.access.lookup import find_project
from exportadmin.lib.command import AppCommand, shell_actor
from exports.model_runs import actions
from exports.model_runs.actions import comparison_json, model_run_json
from exports.model_runs.comparison import TRUTHS, Comparison, parse_question
from exports.model_runs.matching import BOXES, OUTLINES


class Command(AppCommand):
    """What REST and the pages do with model runs, here."""

    help = "List, compare with the labels, and delete the model runs of a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A verb, and what it takes."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for verb, about in (
            ("list", "the runs, newest first"),
            ("compare", "predictions with labels, matched as in COCO's evaluation"),
            ("delete", "a run with its predictions; the rows stay"),
        ):
            one = verbs.add_parser(verb, help=about)
            one.add_argument("project", help="name or id")
            if verb != "list":
                one.add_argument("run", help="id of the run")
            if verb != "delete":
                one.add_argument("--json", action="store_true", help="print as REST does")
            if verb == "compare":
                one.add_argument("--iou", metavar="SHARE", help="from which overlap on they meet (0.5)")
                one.add_argument("--score", metavar="SHARE", help="from which confidence on predictions count (0)")
                one.add_argument("--by", choices=[BOXES, OUTLINES], help=f"what has to overlap ({BOXES})")
                one.add_argument("--split", help="rows of this split alone")
                one.add_argument(
                    "--labels", choices=list(TRUTHS), help=f"which of a row's labels count ({next(iter(TRUTHS))})"
                )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        project = find_project(options["project"])
        if options["verb"] == "list":
            listed = actions.model_runs_of(project)
            if options["json"]:
                self._print_json(list(map(model_run_json, listed)))
            for each in () if options["json"] else listed:
                self.stdout.write(
                    f"{each.run.run_id}  {each.run}  {each.rows:,} rows  {each.predictions:,} predictions"
                )
            return
        run = actions.find_model_run(project, options["run"]).run
        if options["verb"] == "delete":
            rows = actions.delete_model_run(project=project, run=run, actor=shell_actor())
            self.stdout.write(f"{run} is deleted, with what it said of {rows:,} rows")
            return
        found = actions.compare_predictions(
            project=project, run=run, question=parse_question(options), actor=shell_actor()
        )
        if options["json"]:
            self._print_json(comparison_json(found))
        else:
            self._print(found)

    def _print_json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, ensure_ascii=False, indent=2))

    def _print(self, found: Comparison) -> None:
        for name, one in (*found.classes.items(), ("all classes", found.total)):
            shares = [f"{share:.3f}" if share is not None else "–" for share in (one.precision, one.recall)]
            self.stdout.write(
                f"{name}: {one.matched:,} matched, {one.missed:,} missed, {one.extra:,} extra; "
                f"precision {shares[0]}, recall {shares[1]}"
            )
        if found.not_compared:
            self.stdout.write(f"note: {found.not_compared:,} rows cannot be compared")
        if found.with_several:
            self.stdout.write(
                f"note: {found.with_several:,} rows have several labels; compared with: {found.question.labels.short}"
            )
        if found.without_confidence:
            self.stdout.write(f"note: {found.without_confidence:,} predictions have no confidence")
