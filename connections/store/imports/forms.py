"""The form of a new import."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from connections.access.permissions import MANAGE, Person, projects_for
from connections.actions import MAX_NAME
from connections.models import STORE
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store.importers import IMPORTERS
from connections.store.imports.actions import MAX_FILE_NAME, ImportSpec
from connections.store.imports.runner import AUTO
from connections.store.models import MAX_DATASET, MAX_RUN_NAME
from exportadmin.lib.forms import ChoiceField, Form, OfferedField, SuggestInput, TextField

SUGGESTED: Final = 200


class ImportForm(Form):
    """``project`` is a name or an id."""

    blamed = {"file_name": "file"}

    project = OfferedField(
        label="Project",
        widget=SuggestInput(attrs={"maxlength": MAX_NAME, "autocomplete": "off", "spellcheck": "false"}),
        help_text="One that there is, or the name of a new one.",
        error_messages={"required": "Which project do the rows go into?"},
    )
    file = forms.FileField(
        label="File",
        max_length=MAX_FILE_NAME,
        help_text="Choose it or drop it here. COCO, Label Studio or one row a line.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )
    format = ChoiceField(
        label="Format",
        choices=lambda: [(AUTO, "Found by its content"), *((key, IMPORTERS[key].title) for key in sorted(IMPORTERS))],
        initial=AUTO,
    )
    status = ChoiceField(
        label="Review status",
        required=False,
        choices=[("", "As the file says"), *((status, status) for status in REVIEW_STATUSES)],
        help_text="Of every row, whatever the file says.",
    )

    dataset = TextField(
        label="Dataset",
        required=False,
        max_length=MAX_DATASET,
        help_text="Goes in front of every key, so that rows of several files with the same keys stay apart.",
    )
    replace = forms.BooleanField(
        label="Replace rows whose picture is another one",
        required=False,
        help_text="Otherwise a row is refused where its key is that of another picture in the project.",
    )

    model_run = TextField(
        label="Model run",
        required=False,
        max_length=MAX_RUN_NAME,
        help_text="Of COCO results alone: the name of the run that made these predictions.",
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = projects_for(person, MANAGE).filter(connection__kind=STORE).values_list("name", flat=True)
        project: Any = self.fields["project"]
        project.choices = [(name, name) for name in names.order_by("name")[:SUGGESTED]]

    def spec(self) -> ImportSpec:
        """Of a form without mistakes."""
        data = self.cleaned_data
        return ImportSpec(
            data["project"],
            data["file"].name,
            data["format"],
            data["status"],
            data["dataset"],
            data["replace"],
            data["model_run"],
        )
