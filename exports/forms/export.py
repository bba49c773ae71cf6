"""The form of an export: a new one, and the change of a saved config. The rules are those of :mod:`exports.spec`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, reduce
from typing import Any, Final, cast

from django import forms
from django.http import QueryDict

from connections.models import Project
from connections.rows.batch import ALL_PARTS, PARTS
from connections.sinks import SINKS
from connections.store.models import StoreModelRun
from connections.store.overview import Overview, people
from connections.sync.lookup import mirror_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import (
    ChoiceBoxes,
    ChoiceButtons,
    ChoiceLabel,
    OfferedField,
    OfferedListField,
    SuggestInput,
    TextField,
)
from exportadmin.lib.ids import new_id
from exports.delivery.destination import LOCAL
from exports.formats import FORMATS
from exports.forms.delivery import Alternative, DeliveryInputs
from exports.forms.fields import MaxRefusedField, chosen_options, format_options, option_field
from exports.forms.scope import ScopeInputs
from exports.models import Slice
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import Condition
from exports.spec.labels import DEFAULT, LABEL_CHOICES, LONGEST_PERSON, CreatedBy, LabelChoice, parse_labels
from exports.spec.mirror import parse_sync_first
from exports.spec.model_runs import check_runs
from exports.spec.parts import PART_LABELS
from exports.spec.platform_export import KEY as PLATFORM_EXPORT
from exports.spec.selection import Selection
from exports.spec.spec import MAX_REFUSED, ExportSpec, beside_filter, parse_parts, parts_of_form

LONGEST_NAME: Final = 200
LONGEST_DESCRIPTION: Final = 10_000
# suggested while somebody writes
MOST_PEOPLE: Final = 200
OTHER_PLATFORMS: Final = "As other platforms write their exports"


class ExportForm(DeliveryInputs, ScopeInputs):
    """Valid, it holds :attr:`spec`. Each form that is shown has a ``key`` of its own: sent twice it is one export.

    Fields of conditions, formats and destinations come from their registries, when a form is made.
    """

    blamed: Mapping[str, str] = {"Idempotency-Key": "key", "include": "parts"}
    project = forms.CharField(required=False, widget=forms.HiddenInput)
    key = forms.CharField(label="This form", required=False, initial=new_id, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, project: Project, **kwargs: Any) -> None:
        super().__init__(data, project=project, **kwargs)
        self.spec: ExportSpec | None = None
        self.initial.setdefault("project", project.public_id)
        self.mirror = mirror_of(project)
        if self.mirror is not None:
            self.fields["sync_first"] = forms.BooleanField(
                label="Bring it up to date first", required=False, initial=self.mirror.sync_first
            )
        self.add_scope()
        self._add_labels()
        self._add_formats()
        self.fields["parts"] = OfferedListField(
            label="Parts",
            required=False,
            widget=ChoiceBoxes(layout="ea-new-parts"),
        )
        self._offer_parts(ALL_PARTS if self.model_runs else PARTS)
        self.add_destinations()
        self.fields["max_refused"] = MaxRefusedField()
        self.fields["name"] = TextField(label="Name", max_length=LONGEST_NAME, required=False)
        self.fields["description"] = TextField(
            label="Description", max_length=LONGEST_DESCRIPTION, required=False, lines=2
        )

    def _offer_parts(self, parts: Sequence[str]) -> None:
        """All ticked. Those of model runs are among them where there are any."""
        self.fields["parts"].initial = list(parts)
        self.fields["parts"].choices = [  # type: ignore[attr-defined]
            (part, ChoiceLabel(PART_LABELS[part][0], help=PART_LABELS[part][1])) for part in parts
        ]

    def offer_catalog(self, catalog: Sequence[Project], slices: Iterable[Slice], runs: Iterable[StoreModelRun]) -> None:
        super().offer_catalog(catalog, slices, runs)
        if self.fields["model_run_ids"].choices:  # type: ignore[attr-defined]
            self._offer_parts(ALL_PARTS)

    def _add_labels(self) -> None:
        self.fields["labels"] = OfferedField(
            label="Labels of each row",
            required=False,
            initial=DEFAULT.key,
            choices=[(key, ChoiceLabel(each.title, help=each.help)) for key, each in LABEL_CHOICES.items()],
            widget=ChoiceButtons(layout="ea-new-parts"),
        )
        self.fields["person"] = OfferedField(
            label="Person",
            help_text="Whose labels, where those of one person are chosen.",
            required=False,
            widget=SuggestInput(attrs={"maxlength": LONGEST_PERSON, "autocomplete": "off", "spellcheck": "false"}),
        )

        self.fields["interpolated_frames"] = forms.BooleanField(
            label="Every frame of videos",
            help_text="Between key frames computed: boxes, points and outlines move straight and evenly, answers stay; "
            "masks have the frames that they have.",
            required=False,
        )

    def _add_formats(self) -> None:
        self.fields["format"] = OfferedField(
            label="Format", required=False, initial="json", choices=[(key, each.title) for key, each in FORMATS.items()]
        )
        for name, _, option in format_options():
            select = forms.Select(attrs={"class": "form-select form-select-sm"})
            self.fields[name] = option_field(option, option.name.replace("_", " ").capitalize(), select)

    # --- from a description that was kept ----------------------------------------------------------------------------

    @classmethod
    def of_body(cls, body: Mapping[str, Any], project: Project, *, name: str = "", description: str = "") -> ExportForm:
        """With the description filled in. Times that were read in another zone than the project's are in UTC now.

        Raises :class:`UserError` for conditions that the form has no input for.
        """
        if body.get(PLATFORM_EXPORT) is not None:
            raise UserError("the platform makes this export itself: the form has no inputs for what it is asked for")
        format_name, destination = body.get("format", ""), body.get("destination") or {"kind": LOCAL}
        labels = parse_labels(body.get("labels"))
        initial = {
            **({} if body.get("sync_first") is None else {"sync_first": body["sync_first"]}),
            **cls.scope_initial(body),
            "labels": labels.key,
            "person": labels.person if isinstance(labels, CreatedBy) else "",
            "interpolated_frames": body.get("interpolated_frames") is True,
            "format": format_name,
            "parts": ALL_PARTS if body.get("include") is None else body["include"],
            "destination": destination["kind"],
            "max_refused": f"{body.get('max_refused', MAX_REFUSED):g}",
            "name": name,
            "description": description,
        }
        for given, settings in ((format_name, body.get("options") or {}), (destination["kind"], destination)):
            initial |= {f"{given}.{key}": value for key, value in settings.items()}
        for key, raw in _conditions_of(body, project).items():
            initial |= CONDITIONS[key].to_form(raw)
        return cls(project=project, initial=initial)

    # --- what it means -----------------------------------------------------------------------------------------------

    def clean_format(self) -> str:
        """A key of the registry. Raises ``ValidationError``."""
        key: str = self.cleaned_data["format"]
        try:
            FORMATS.pick(key)
        except UserError as error:
            raise forms.ValidationError(error.message) from None
        return key

    def _clean_labels(self, data: Mapping[str, Any]) -> LabelChoice:
        """``person`` goes with the choices that take one."""
        key, person = data.get("labels") or DEFAULT.key, (data.get("person") or "").strip()
        takes_person = key in LABEL_CHOICES and LABEL_CHOICES[key].takes_person
        if person and not takes_person:
            self.add_error("person", "A person goes with “One person's” alone: choose that, or leave this empty.")
        try:
            return parse_labels(f"{key}:{person}" if takes_person else key, project=self.of_project)
        except UserError as error:
            self.add_error("person" if takes_person else "labels", error.message)
            return DEFAULT

    def clean_parts(self) -> tuple[str, ...]:
        """Raises ``ValidationError``."""
        try:
            return parse_parts(self.cleaned_data["parts"])
        except UserError as error:
            raise forms.ValidationError(error.message) from None

    def clean(self) -> dict[str, Any]:
        """All fields together make the description."""
        data = super().clean() or self.cleaned_data
        given, parsed = self.clean_conditions(data)
        scope = self.scope_of(data, given)
        labels = self._clean_labels(data)
        destination = self.clean_destination_of(data)
        if not self.errors:
            key = data["format"]
            parts = frozenset(parts_of_form(scope, data["parts"]))
            try:
                check_runs(scope, self.of_project, FORMATS.pick(key), parts)
            except UserError as error:
                self.blame(error)
                return data
            self.spec = ExportSpec(
                format=key,
                selection=Selection(
                    self.of_project.public_id,
                    parsed,
                    parts,
                    labels,
                    scope,
                    interpolated_frames=data["interpolated_frames"],
                ),
                beside={one: tuple(given.pop(one, ())) for one in beside_filter()},
                filter=given,
                destination=destination,
                options=chosen_options(key, data),
                max_refused=data["max_refused"],
                time_zone=self.of_project.time_zone,
                sync_first=parse_sync_first(data.get("sync_first"), self.of_project),
            )
        return data

    def blame(self, error: UserError) -> None:
        """Put the message of an action under the field that it is about, or under the buttons."""
        name = self.scope_input(error.field or "") or self.blamed.get(error.field or "", error.field or "")
        self.add_error(name if name in self.fields else "key", error.message)

    @property
    def export_name(self) -> str:
        """What was typed, or the name of an export that was given none."""
        return self.cleaned_data["name"] or self._suggested_name(self.cleaned_data["format"])

    def renewed(self) -> ExportForm:
        """The same texts in a form of its own, checked."""
        data = cast(QueryDict, self.data).copy()
        data["key"] = new_id()
        again = ExportForm(data, project=self.of_project)
        again.is_valid()
        return again

    def fill(self, overview: Overview) -> None:
        super().fill(overview)
        person = self.fields["person"]
        assert isinstance(person, OfferedField)
        person.choices = [(each, each) for each in people(self.of_project.public_id)[:MOST_PEOPLE]]

    # --- how it is shown ---------------------------------------------------------------------------------------------

    @cached_property
    def notes(self) -> dict[str, str]:
        """Input → how it is read, where nothing is wrong with it."""
        notes = self.condition_notes()
        format_name = self["format"].value()
        if format_name in FORMATS and not (self["name"].value() or "").strip():
            notes["name"] = f"Left empty, it is called “{self._suggested_name(format_name)}”."
        notes |= self.destination_notes()
        return notes

    @property
    def formats(self) -> list[Alternative]:
        """What ``format`` offers: those of other platforms' exports last."""
        return [
            self.alternative(
                "format", key, each.title, each.help, [f"{key}.{option.name}" for option in each.options],
                OTHER_PLATFORMS if each.as_of else "",
            )
            for key, each in sorted(FORMATS.items(), key=lambda item: bool(item[1].as_of))
        ]  # fmt: skip

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that stand on the page, each with a place for what is wrong with it."""
        offered = {each.key for each in self.destinations}
        hidden = {
            name for key in SINKS if len(offered) < 2 or key not in offered for name in self.destination_inputs(key)
        }
        return [field for field in self if field.name not in {"project", *hidden}]

    def _suggested_name(self, format_name: str) -> str:
        return f"{self.of_project.name[:150]} {format_name}"


def _conditions_of(body: Mapping[str, Any], project: Project) -> dict[str, Any]:
    """Key → raw value of the conditions that the form has inputs for; what is asked twice is what is in both."""
    given = {key: raw for key, raw in (body.get("filter") or {}).items() if raw is not None}
    if body.get("time_zone", project.time_zone) != project.time_zone:
        given.update(body.get("resolved") or {})
    wanted: dict[str, list[Any]] = {}
    for key, raw in [*given.items(), *((key, body[key]) for key in beside_filter() if body.get(key))]:
        same = CONDITIONS[key].in_form(raw) if key in CONDITIONS else None
        if same is None:
            raise UserError(f"its condition {key} has no input in the form: no form can say the same")
        wanted.setdefault(same[0], []).append(same[1])
    return {key: raws[0] if len(raws) == 1 else _both(CONDITIONS[key], raws) for key, raws in wanted.items()}


def _both(condition: Condition[Any], raws: Sequence[Any]) -> list[str]:
    values = [condition.parse(raw, time_zone="UTC", field=condition.key) for raw in raws]
    both = reduce(condition.both, values)
    if not both:
        label = condition.label.lower()
        raise UserError(f"its conditions on {label} exclude each other: no row can match, so start a new one")
    return sorted(both)
