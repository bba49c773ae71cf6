"""Forms on mirrored projects and their syncs."""

from __future__ import annotations

from typing import Any

from django import forms

from connections.actions import MAX_NAME
from connections.models import Project
from connections.platforms import PLATFORMS
from connections.platforms.options import option_field, typed
from connections.sync.actions import MAX_EXTERNAL_ID, MODES
from connections.sync.models import AUTO, Mirror
from exportadmin.lib.forms import ChoiceField, FilterForm, Form, OfferedField, TextField
from exportadmin.runs import statuses


class MirrorForm(Form):
    """Which project there, and how it is called here."""

    external_id = TextField(
        label="Its id there", required=False, widget=forms.TextInput(attrs={"maxlength": MAX_EXTERNAL_ID})
    )
    name = TextField(label="Name here", required=False, widget=forms.TextInput(attrs={"maxlength": MAX_NAME}))


class RemoteFilterForm(FilterForm):
    """Which of a platform's projects a list shows."""

    q = TextField(label="Name or id", required=False)


class SyncForm(Form):
    """How it is brought up to date."""

    mode = OfferedField(choices=[(mode, mode) for mode in MODES], required=False)

    def clean_mode(self) -> str:
        """Left out: as it is done by itself."""
        return self.cleaned_data["mode"] or AUTO


class MirrorSettingsForm(Form):
    """How a project is mirrored."""

    full_every_hours = forms.IntegerField(
        label="Read everything every … hours",
        help_text="Finds rows that are gone there. 0: each time.",
        widget=forms.NumberInput(attrs={"min": 0}),
    )
    sync_first = forms.BooleanField(label="Exports bring it up to date first", required=False)

    def __init__(self, *args: Any, mirror: Mirror, project: Project, **kwargs: Any) -> None:
        initial = {"full_every_hours": mirror.full_every_hours, "sync_first": mirror.sync_first}
        kind = PLATFORMS.get(project.connection.kind)
        self._options = kind(project.connection).mirror_options_of(project.external_id) if kind is not None else ()
        initial |= {f"option.{name}": value for name, value in mirror.options.items()}
        super().__init__(*args, initial=initial, auto_id="mirror_%s", **kwargs)
        for option in self._options:
            self.fields[f"option.{option.name}"] = option_field(option)

    @property
    def settings(self) -> dict[str, Any]:
        """As :func:`~connections.sync.actions.change_mirror` takes them."""
        data = self.cleaned_data
        options = {option.name: typed(option, data[f"option.{option.name}"]) for option in self._options}
        named = {"full_every_hours": data["full_every_hours"], "sync_first": data["sync_first"]}
        return named | ({"options": options} if options else {})


class SyncFilterForm(FilterForm):
    """Which syncs a list shows."""

    project = TextField(required=False, widget=forms.HiddenInput)
    status = ChoiceField(
        label="State",
        choices=[("", "All"), *((key, title) for key, (title, _) in statuses.TITLES.items())],
        required=False,
    )
