"""A model run of a project: what it found, beside the labels."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.lookup import get_project
from connections.access.permissions import DOWNLOAD, MANAGE, can
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.lib.forms import ChoiceField, Form, TextField
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import done, form_view, get_view, only
from exportadmin.lib.times import to_datetime
from exports.model_runs import actions
from exports.model_runs.comparison import TRUTHS, parse_question
from exports.model_runs.drawing import draw
from exports.model_runs.matching import BOXES, OUTLINES

NAMES = ("iou", "score", "by", "split", "labels")


class CompareForm(Form):
    """How predictions and labels meet."""

    iou = TextField(label="Overlap", required=False, initial="0.5", max_length=20, help_text="From 0.01 to 1 (IoU).")
    score = TextField(
        label="Confidence", required=False, initial="0", max_length=20, help_text="From 0 to 1; others do not count."
    )
    by = ChoiceField(label="What overlaps", required=False, choices=[(BOXES, "Boxes"), (OUTLINES, "Outlines")])
    split = forms.ChoiceField(label="Split", required=False)
    labels = ChoiceField(
        label="Labels",
        required=False,
        choices=[(key, choice.title) for key, choice in TRUTHS.items()],
        help_text="With which labels of a row its predictions are compared.",
    )

    def __init__(self, *args: Any, splits: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        split: Any = self.fields["split"]
        split.choices = [("", "All rows"), *((each, each) for each in splits)]
        split.widget.attrs["class"] = "form-select"


@get_view
@heavy
def model_run(request: HttpRequest, project_id: str, run_id: str) -> HttpResponse:
    """``?iou=0.5&score=0.3&by=outlines&split=Test&labels=latest``; all of them may be left out."""
    only(request, NAMES)
    project = get_project(request, project_id, DOWNLOAD)
    listed = actions.find_model_run(project, run_id)
    splits = actions.splits_of(listed.run)
    form = CompareForm(request.GET if request.GET else None, splits=splits)
    context: dict[str, Any] = {
        "section": "projects",
        "project": project,
        "listed": listed,
        "run": listed.run,
        "made": None if listed.run.created_ms is None else to_datetime(listed.run.created_ms),
        "form": form,
        "may_manage": can(request.user, MANAGE, project),
    }
    if form.is_bound and not form.is_valid():
        return render(request, "exports/model_run.html", context, status=400)
    try:
        question = parse_question(form.cleaned_data if form.is_bound else {})
        found = actions.compare_predictions(project=project, run=listed.run, question=question, actor=actor_of(request))
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError) or error.field not in NAMES:
            raise
        form.blame(error)
        return render(request, "exports/model_run.html", context, status=400)
    context |= {"found": found, "pictures": [draw(row) for row in found.worst]}
    return render(request, "exports/model_run.html", context)


@form_view
def delete(request: HttpRequest, project_id: str, run_id: str) -> HttpResponse:
    """What would go; sent back, it goes."""
    only(request, ())
    project = get_project(request, project_id, MANAGE)
    listed = actions.find_model_run(project, run_id)
    if request.method == "POST":
        rows = actions.delete_model_run(project=project, run=listed.run, actor=actor_of(request))
        message = f"Model run “{listed.run}” is deleted, with what it said of {rows:,} rows."
        return done(request, message, "projects:project", project_id)
    context = {"section": "projects", "project": project, "listed": listed, "run": listed.run}
    return render(request, "exports/model_run_delete.html", context)
