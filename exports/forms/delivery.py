"""Where an export goes, as inputs: this machine, or what is reached by a connection of the project's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django import forms

from connections.models import Connection, Project
from connections.sinks import SINKS
from connections.states import READY, STATES, state_key
from connections.use import granted_to
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import OfferedField, TextField
from exports.delivery.destination import LOCAL, parse_destination
from exports.display.connections import last_test

# of a destination
LONGEST_SETTING: Final = 1_100


@dataclass(frozen=True, slots=True)
class Alternative:
    """A format or a destination, with the fields that belong to it alone."""

    key: str
    title: str
    help: str
    is_chosen: bool
    fields: tuple[forms.BoundField, ...]
    # a heading above the first of several
    group: str = ""


class DeliveryInputs(forms.Form):
    """Of a form about one project: ``destination``, and of each sink what belongs to it (``s3.folder``)."""

    of_project: Project

    def add_destinations(self) -> None:
        """Sinks and the fields of each come from their registry, when a form is made."""
        self.fields["destination"] = OfferedField(
            label="Destination",
            required=False,
            initial=LOCAL,
            choices=[(key, sink.title) for key, sink in SINKS.items()],
        )
        for key, sink in SINKS.items():
            if sink.needs_connection:
                offered = [(each.public_id, _offered_name(each)) for each in self.usable[key]]
                self.fields[f"{key}.connection"] = OfferedField(
                    label="Connection", required=False, choices=[("", "Choose a connection"), *offered]
                )
                if len(self.usable[key]) == 1:
                    self._suggest(key, self.usable[key][0])
            for field in sink.fields:
                self.fields[f"{key}.{field.name}"] = TextField(
                    label=field.title, help_text=field.help, required=False, max_length=LONGEST_SETTING
                )

    @cached_property
    def usable(self) -> dict[str, list[Connection]]:
        """Of each sink that needs one, the connections that the project may use now."""
        return {
            key: list(granted_to(self.of_project, key).filter(disabled_at=None).order_by("name"))
            for key, sink in SINKS.items()
            if sink.needs_connection
        }

    def _suggest(self, kind: str, connection: Connection) -> None:
        """The only one there is; a description that was kept has said what it wants."""
        if "destination" not in self.initial:
            starts = SINKS[kind].starts(connection)
            self.initial[f"{kind}.connection"] = connection.public_id
            self.initial.update({f"{kind}.{name}": start for name, start in starts.items()})

    def clean_destination_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """As :func:`parse_destination` reads them; what is wrong is told under the input."""
        kind = data.get("destination") or LOCAL
        settings = {
            name.removeprefix(f"{kind}."): data[name]
            for name in data
            if kind in SINKS and name in self.destination_inputs(kind) and data[name]
        }
        try:
            return parse_destination({"kind": kind, **settings}, self.of_project)
        except UserError as error:
            self.add_error("destination", error.message)
            return {}

    def destination_notes(self) -> dict[str, str]:
        """Input → how what is chosen stands, and what it begins with."""
        notes: dict[str, str] = {}
        kind = self["destination"].value()
        chosen = self[f"{kind}.connection"].value() if kind in self.usable else None
        for connection in self.usable.get(kind, ()):
            if connection.public_id == chosen:
                notes[f"{kind}.connection"] = last_test(connection)
                for name, start in SINKS[kind].starts(connection).items():
                    notes[f"{kind}.{name}"] = f"With this connection it begins with {start}"
        return notes

    @property
    def destinations(self) -> list[Alternative]:
        """What ``destination`` offers: no kind of which the project has no connection, unless it is chosen already."""
        return [
            self.alternative("destination", key, sink.title, sink.help, self.destination_inputs(key))
            for key, sink in SINKS.items()
            if not sink.needs_connection or self["destination"].value() == key or self.usable[key]
        ]

    def alternative(
        self, name: str, key: str, title: str, help_text: str, inputs: Sequence[str], group: str = ""
    ) -> Alternative:
        """One of what is offered under ``name``."""
        fields = tuple(self[each] for each in inputs)
        return Alternative(key, title, help_text, self[name].value() == key, fields, group)

    def destination_inputs(self, key: str) -> list[str]:
        """The inputs of one sink."""
        names = ["connection"] if SINKS[key].needs_connection else []
        return [f"{key}.{name}" for name in (*names, *(field.name for field in SINKS[key].fields))]


def _offered_name(connection: Connection) -> str:
    """With how it stands, where there is a reason to look at it first."""
    key = state_key(connection)
    return connection.name if key == READY else f"{connection.name} ({STATES[key].word.lower()})"
