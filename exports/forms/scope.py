"""The inputs of an export's scope: its project, or data rows of the catalog, and whose labels go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms

from connections.models import Project
from connections.store.models import StoreModelRun
from connections.store.overview import Overview
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceBoxes, ChoiceButtons, ChoiceLabel, OfferedField, OfferedListField, SuggestInput
from exports.forms.conditions import ConditionsForm
from exports.models import Slice
from exports.sources import SCOPE_SOURCES
from exports.spec.scope import (
    CATALOG,
    DATASET,
    KEY,
    MAX_ID,
    MODEL_RUN,
    PROJECT,
    SCOPES,
    SLICE,
    Scope,
    check_filters,
    parse_scope,
)
from exports.spec.spec import beside_filter

NONE, SOME, ALL = "none", "some", "all"
_LABELS_OF: Final = (
    (NONE, ChoiceLabel("None", help="The data rows alone: no annotation is in the file.")),
    (SOME, ChoiceLabel("Of these projects", help="Those that are ticked below. Most formats hold the labels of one.")),
    (ALL, ChoiceLabel("Of all projects", help="Every project that the data rows are in. JSON and NDJSON hold them.")),
)
# key of a scope → the input in which it is named
# (a form of a browser has a "dataset" of its own)
_NAMED: Final = {DATASET: "scope_dataset", SLICE: "scope_slice", MODEL_RUN: "scope_model_run"}
# what an address may fill in beside conditions
SCOPE_INPUTS: Final = (KEY, *_NAMED.values())


class ScopeInputs(ConditionsForm):
    """Beside the conditions of a form."""

    def add_scope(self) -> None:
        """The fields; what there is of datasets, slices and projects comes later (:meth:`offer_catalog`)."""
        runs = StoreModelRun.objects.filter(project=self.of_project).order_by("-id")
        self.model_runs = [(run.run_id, str(run)) for run in runs]
        offered = [key for key in SCOPES if key == PROJECT or (key in SCOPE_SOURCES and key != MODEL_RUN)]
        if self.model_runs:
            offered.append(MODEL_RUN)
            self.fields["scope_model_run"] = OfferedField(
                label="Model run",
                help_text="Where a model run is chosen. Conditions do not go with it.",
                required=False,
                choices=[("", "–"), *self.model_runs],
                widget=forms.Select(attrs={"class": "form-select"}),
            )
        self.fields[KEY] = OfferedField(
            label="Rows of",
            required=False,
            initial=PROJECT,
            choices=[(key, ChoiceLabel(SCOPES[key].title, help=SCOPES[key].help)) for key in offered],
            widget=ChoiceButtons(layout="ea-new-parts"),
        )
        self.fields["scope_dataset"] = OfferedField(
            label="Dataset",
            help_text="By name or id, where a dataset is chosen.",
            required=False,
            widget=SuggestInput(attrs={"maxlength": MAX_ID, "autocomplete": "off", "spellcheck": "false"}),
        )
        self.fields["scope_slice"] = OfferedField(
            label="Slice",
            help_text="Where a slice is chosen.",
            required=False,
            choices=[("", "–")],
            widget=forms.Select(attrs={"class": "form-select"}),
        )
        self.fields["labels_of"] = OfferedField(
            label="Labels",
            required=False,
            initial=NONE,
            choices=_LABELS_OF,
            widget=ChoiceButtons(layout="ea-new-parts"),
        )
        self.fields["project_ids"] = OfferedListField(
            label="Projects",
            required=False,
            widget=ChoiceBoxes(layout="ea-new-batches", scrolls_from=13),
        )

    def fill(self, overview: Overview) -> None:
        super().fill(overview)
        self.fields["scope_dataset"].choices = [(group.name, group.name) for group in overview.datasets.values()]  # type: ignore[attr-defined]

    def offer_catalog(self, catalog: Sequence[Project], slices: Iterable[Slice]) -> None:
        """The projects in which whoever looks may export, and the slices that are saved in them."""
        names = {project.pk: project.name for project in catalog}
        self.fields["project_ids"].choices = [(each.public_id, ChoiceLabel(each.name)) for each in catalog]  # type: ignore[attr-defined]
        self.fields["scope_slice"].choices = [  # type: ignore[attr-defined]
            ("", "–"),
            *(
                (
                    each.public_id,
                    each.name if each.project_id == self.of_project.pk else f"{each.name} ({names[each.project_id]})",
                )
                for each in slices
            ),
        ]

    @property
    def is_scope_open(self) -> bool:
        """Is there anything to see in these inputs: a choice that is not the project's own rows, or a mistake?"""
        inputs = (KEY, *_NAMED.values(), "labels_of", "project_ids")
        return (self[KEY].value() or PROJECT) != PROJECT or any(name in self.errors for name in inputs)

    @staticmethod
    def scope_initial(body: Mapping[str, Any]) -> dict[str, Any]:
        """Of a description that was kept. Raises :class:`UserError` for a scope that the form has no input for."""
        scope = Scope.from_json(body)
        if scope.kind not in (PROJECT, *SCOPE_SOURCES) or not (
            scope.kind in (PROJECT, MODEL_RUN) or scope.is_of_catalog
        ):
            raise UserError(f"its scope, {scope.text}, has no input in the form: no form can say the same")
        if scope.model_run_ids or scope.all_model_runs:
            raise UserError("it takes the predictions of model runs, which have no input in the form")
        named = {_NAMED[scope.kind]: scope.id} if scope.kind in _NAMED else {}
        labels_of = ALL if scope.all_projects else SOME if scope.project_ids else NONE
        return {KEY: scope.kind, **named, "labels_of": labels_of, "project_ids": list(scope.project_ids)}

    def scope_of(self, data: Mapping[str, Any], given: Mapping[str, Any]) -> Scope:
        """With ``given`` conditions. What is wrong is entered at its input."""
        kind = data.get(KEY) or PROJECT
        body: dict[str, Any] = {KEY: {"kind": kind}}
        for key, name in _NAMED.items():
            text = (data.get(name) or "").strip()
            if key == kind:
                if not text:
                    self.add_error(name, f"Which {key}? It is to be named here.")
                    return Scope(CATALOG)
                body[KEY]["id"] = text
            elif text:
                self.add_error(name, f"It goes with “{SCOPES[key].title}” alone: choose that, or leave this empty.")
        labels_of, projects = data.get("labels_of") or NONE, data.get("project_ids") or []
        if labels_of == ALL:
            body["all_projects"] = True
        elif labels_of == SOME:
            if not projects:
                self.add_error("project_ids", "Which projects? Tick at least one, or take none or all.")
            body["project_ids"] = projects or None
        if projects and labels_of != SOME:
            self.add_error("project_ids", "Ticked projects go with “Of these projects” alone.")
        try:
            scope = parse_scope(body)
            beside = {key: given.get(key) for key in beside_filter()}
            check_filters(scope, {key: raw for key, raw in given.items() if key not in beside}, beside, "filter")
        except UserError as error:
            self.add_error(self.scope_input(error.field or "") or KEY, error.message)
            return Scope(CATALOG)
        return scope

    def scope_input(self, field: str) -> str:
        """The input that a message about the scope is about; empty: none of these."""
        name = field.removeprefix("filter.").partition("[")[0]
        if name == f"{KEY}.id":
            return _NAMED.get(self[KEY].value() or "", KEY)
        if name in ("all_projects", "project_ids"):
            return "project_ids" if name == "project_ids" else "labels_of"
        if inputs := self.inputs.get(name):
            return inputs[0]
        return KEY if field.startswith(KEY) else ""
