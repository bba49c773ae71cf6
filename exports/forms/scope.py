"""The inputs of an export's scope: its project, or data rows of the catalog, whose labels and predictions go along."""

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
_PREDICTIONS_OF: Final = (
    (NONE, ChoiceLabel("None", help="The file says nothing of models.")),
    (SOME, ChoiceLabel("Of these model runs", help="Those that are ticked below.")),
    (ALL, ChoiceLabel("Of all model runs", help="Every run that the data rows are in.")),
)
# the input that says whose; that of their ids, which is the key of these; the key of all of them; what they are
_BESIDE: Final = (
    ("labels_of", "project_ids", "all_projects", "projects"),
    ("predictions_of", "model_run_ids", "all_model_runs", "model runs"),
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

        self.fields["predictions_of"] = OfferedField(
            label="Predictions",
            required=False,
            initial=NONE,
            choices=_PREDICTIONS_OF,
            widget=ChoiceButtons(layout="ea-new-parts"),
        )
        self.fields["model_run_ids"] = OfferedListField(
            label="Model runs",
            required=False,
            widget=ChoiceBoxes(layout="ea-new-batches", scrolls_from=13),
        )

    def fill(self, overview: Overview) -> None:
        super().fill(overview)
        self.fields["scope_dataset"].choices = [(group.name, group.name) for group in overview.datasets.values()]  # type: ignore[attr-defined]

    def offer_catalog(self, catalog: Sequence[Project], slices: Iterable[Slice], runs: Iterable[StoreModelRun]) -> None:
        """The projects in which whoever looks may export, the slices that are saved in them, and their model runs."""
        names = {project.pk: project.name for project in catalog}
        titles: dict[str, str] = {}
        for run in runs:  # one id may be that of runs of several projects
            titles.setdefault(run.run_id, f"{run} ({names[run.project_id]})")
        self.fields["model_run_ids"].choices = [(key, ChoiceLabel(title)) for key, title in titles.items()]  # type: ignore[attr-defined]
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
        inputs = (KEY, *_NAMED.values(), *(name for beside in _BESIDE for name in beside[:2]))
        return (self[KEY].value() or PROJECT) != PROJECT or any(name in self.errors for name in inputs)

    @staticmethod
    def scope_initial(body: Mapping[str, Any]) -> dict[str, Any]:
        """Of a description that was kept. Raises :class:`UserError` for a scope that the form has no input for."""
        scope = Scope.from_json(body)
        if scope.kind not in (PROJECT, *SCOPE_SOURCES) or not (
            scope.kind in (PROJECT, MODEL_RUN) or scope.is_of_catalog
        ):
            raise UserError(f"its scope, {scope.text}, has no input in the form: no form can say the same")
        named = {_NAMED[scope.kind]: scope.id} if scope.kind in _NAMED else {}
        beside: dict[str, Any] = {}
        for choice, key, all_of, _ in _BESIDE:
            chosen = list(getattr(scope, key))
            beside |= {choice: ALL if getattr(scope, all_of) else SOME if chosen else NONE, key: chosen}
        return {KEY: scope.kind, **named, **beside}

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
        for choice, key, all_of, what in _BESIDE:
            taken, ticked = data.get(choice) or NONE, data.get(key) or []
            if taken == ALL:
                body[all_of] = True
            elif taken == SOME:
                if not ticked:
                    self.add_error(key, f"Which {what}? Tick at least one, or take none or all.")
                body[key] = ticked or None
            if ticked and taken != SOME:
                self.add_error(key, f"Ticked {what} go with “Of these {what}” alone.")
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
        for choice, key, all_of, _ in _BESIDE:
            if name in (key, all_of):
                return key if name == key else choice
        if inputs := self.inputs.get(name):
            return inputs[0]
        return KEY if field.startswith(KEY) else ""
