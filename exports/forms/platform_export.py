"""The form of an export that a project's platform makes itself, with inputs for what it says it can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from django import forms
from django.http import QueryDict

from connections.models import Project
from connections.platforms.base import Platform, RemoteOption
from connections.platforms.options import option_field, typed
from connections.remote_connections import list_remote_connections
from connections.steps import one_of_few
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ExportAdminError, UserError
from exportadmin.lib.forms import ChoiceBoxes, ChoiceLabel, Form, OfferedField, OfferedListField, TextField
from exportadmin.lib.http import end_within
from exportadmin.lib.ids import new_id
from exports.delivery.destination import LOCAL
from exports.forms.delivery import Alternative, DeliveryInputs
from exports.forms.export import LONGEST_DESCRIPTION, LONGEST_NAME
from exports.spec.platform_export import HERE, KEY, THERE, parse_platform_export, platform_of
from exports.spec.spec import ExportSpec

OTHER: Final = "other-format"
# a page waits so long for what the platform says of its own connections, and then goes without
ANSWER_SECONDS: Final = 5.0


class PlatformExportForm(DeliveryInputs, Form):
    """Valid, it holds :attr:`spec`. Sent twice it is one export, by its ``key``.

    Whether the platform delivers the file itself follows from its own options.
    """

    blamed: Mapping[str, str] = {"Idempotency-Key": "key", "updated_after": "after", KEY: "format"}
    # why the platform's own connections cannot be chosen from, in words
    unheard = ""
    project = forms.CharField(required=False, widget=forms.HiddenInput)
    key = forms.CharField(label="This form", required=False, initial=new_id, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, project: Project, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.of_project, self.spec = project, cast(ExportSpec | None, None)
        self.platform: Platform = platform_of(project)
        self.initial.setdefault("project", project.public_id)
        formats = self.platform.remote_formats
        self.fields["format"] = OfferedField(
            label="Format",
            required=False,
            initial=formats[0].key if formats else OTHER,
            choices=[*((one.key, one.title) for one in formats), (OTHER, "Another one")],
        )
        self.fields["other"] = TextField(label="Its name there", required=False, max_length=LONGEST_NAME)
        known, self.offered = self.platform.offered_to(project.external_id)
        self.fields["statuses"] = OfferedListField(
            label="Statuses",
            required=False,
            choices=[(key, ChoiceLabel(title, help=key)) for key, title in known.items()],
            widget=ChoiceBoxes(layout="ea-new-parts"),
        )
        if self.platform.tells_changes_of(project.external_id):
            self.fields["after"] = TextField(
                label="Updated after",
                help_text="A day, a time, or milliseconds since 1970. Left empty: whenever.",
                required=False,
            )
        for option in self.offered:
            self.fields[f"option.{option.name}"] = option_field(option)
        self.add_destinations()
        self.fields["name"] = TextField(label="Name", max_length=LONGEST_NAME, required=False)
        self.fields["description"] = TextField(
            label="Description", max_length=LONGEST_DESCRIPTION, required=False, lines=2
        )

    @classmethod
    def of_body(
        cls, body: Mapping[str, Any], project: Project, *, name: str = "", description: str = ""
    ) -> PlatformExportForm:
        """With a description filled in that was kept. Raises :class:`UserError` for one of what was made already."""
        wanted, destination = body[KEY], body.get("destination") or {"kind": LOCAL}
        if wanted.get("remote_id"):
            raise UserError("it fetched what was made there already: the form has nothing to ask for")
        offered = {one.key for one in platform_of(project).remote_formats}
        known = wanted["format"] in offered
        initial: dict[str, Any] = {
            "format": wanted["format"] if known else OTHER,
            "other": "" if known else wanted["format"],
            "statuses": wanted.get("statuses", []),
            "after": wanted.get("updated_after"),
            "destination": destination["kind"],
            "name": name,
            "description": description,
        }
        initial |= {f"{destination['kind']}.{key}": value for key, value in destination.items()}
        for option, value in (wanted.get("options") or {}).items():
            initial[f"option.{option}"] = "\n".join(value) if isinstance(value, list) else value
        return cls(project=project, initial=initial)

    def clean(self) -> dict[str, Any]:
        """All fields together make the description."""
        data = super().clean() or self.cleaned_data
        destination = self.clean_destination_of(data)
        if self.errors:
            return data
        wanted: dict[str, Any] = {
            "format": data["other"] if data["format"] == OTHER else data["format"],
            "statuses": data["statuses"],
            "options": {option.name: value for option in self.offered if (value := self._given(option))},
        }
        if data.get("after"):
            wanted["updated_after"] = int(data["after"]) if data["after"].isdigit() else data["after"]
        try:
            wanted["where"] = self._where(wanted)
            if wanted["where"] == THERE:
                destination = {"kind": LOCAL}
            self.spec = ExportSpec.parse({KEY: wanted, "destination": destination}, self.of_project)
        except UserError as error:
            self.blame(error)
        return data

    def _where(self, wanted: Mapping[str, Any]) -> str:
        """As the options say it."""
        for where in (HERE, THERE):
            try:
                parse_platform_export({**wanted, "where": where}, self.of_project)
            except UserError:
                continue
            return where
        return HERE  # neither: what is wrong is said when it is read as that

    def _given(self, option: RemoteOption) -> Any:
        return typed(option, self.cleaned_data[f"option.{option.name}"])

    def blame(self, error: UserError) -> None:
        """Put the message under the field that it is about, or under the buttons."""
        name = self.blamed.get(error.field or "", error.field or "")
        found = next((one for one in (name, f"option.{name}") if one in self.fields), "key")
        self.add_error(found, error.message)

    @property
    def export_name(self) -> str:
        """What was typed; empty: the action gives one."""
        return str(self.cleaned_data["name"])

    def offer_connections(self, actor: Actor, *, is_manager: bool) -> None:
        """Who manages connections chooses from what the platform has of its own, which it is asked for. Their names are
        nobody else's matter: others write the id of one, and so does everybody when it is not told now.
        """
        wanted = [option for option in self.offered if option.is_connection]
        if not wanted:
            return
        try:
            found = self._remote_connections(actor) if is_manager else None
        except ExportAdminError as error:
            found = None
            self.unheard = f"{self.platform.title} does not tell its connections now ({error}): write the id of one."
        if found is None:
            for option in wanted:
                self.fields[f"option.{option.name}"].widget = forms.TextInput(attrs={"autocomplete": "off"})
            return
        for option in wanted:
            name = f"option.{option.name}"
            given = self[name].value() or ""
            # one that is not there any more stays as it is: what is wrong with it is told when it is sent
            more = [] if given in {"", *(key for key, _ in found)} else [(given, given)]
            field = self.fields[name]
            assert isinstance(field, OfferedField)
            field.choices = [("", "None" if found else f"{self.platform.title} has none"), *found, *more]

    def _remote_connections(self, actor: Actor) -> list[tuple[str, str]]:
        with one_of_few(), end_within(ANSWER_SECONDS):
            found = list_remote_connections(connection=self.of_project.connection, actor=actor)
        return [(one.connection_id, one.name or one.connection_id) for one in found]

    # --- how it is shown ---------------------------------------------------------------------------------------------

    @property
    def formats(self) -> list[Alternative]:
        """What ``format`` offers."""
        title = self.platform.title
        return [
            *(self.alternative("format", one.key, one.title, one.help, ()) for one in self.platform.remote_formats),
            self.alternative(
                "format", OTHER, "Another one", f"That {title} makes, by the name it has there.", ["other"]
            ),
        ]

    @property
    def mistakes(self) -> list[forms.BoundField]:
        """The fields that are wrong, in the order of the page."""
        return [self[name] for name in self.fields if name in self.errors]

    @property
    def options(self) -> list[forms.BoundField]:
        """Inputs of the platform's own settings."""
        return [self[f"option.{option.name}"] for option in self.offered]

    @property
    def notes(self) -> dict[str, str]:
        """Input → how it is read."""
        told = {f"option.{one.name}": self.unheard for one in self.offered if one.is_connection}
        return self.destination_notes() | told

    @property
    def shown(self) -> Sequence[forms.BoundField]:
        """The fields that stand on the page."""
        offered = {each.key for each in self.destinations}
        return [field for field in self if "." not in field.name or field.name.split(".")[0] in {"option", *offered}]
