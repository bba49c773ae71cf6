"""The form on an export's page that asks for its conversion."""

from __future__ import annotations

from typing import Any

from django import forms

from exportadmin.lib.forms import ChoiceField, Form
from exports.formats import FORMATS
from exports.forms.fields import MaxRefusedField, chosen_options, format_options, option_field


class ConvertForm(Form):
    """A format, and of each format that has options a choice for each (``csv.profile``)."""

    format = ChoiceField(label="Format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "convert-%s")
        super().__init__(*args, **kwargs)
        chosen = self.fields["format"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [(key, writer.title) for key, writer in FORMATS.items()]
        for name, writer, option in format_options():
            self.fields[name] = option_field(option, f"{writer.title}: {option.name}")
        self.fields["max_refused"] = MaxRefusedField()

    @property
    def option_groups(self) -> list[tuple[str, bool, list[forms.BoundField]]]:
        """Of each format that has options: its key, whether it is the chosen one, its inputs."""
        chosen = self["format"].value() or next(iter(FORMATS))
        inputs: dict[str, list[forms.BoundField]] = {}
        for name, writer, _ in format_options():
            inputs.setdefault(writer.key, []).append(self[name])
        return [(key, key == chosen, fields) for key, fields in inputs.items()]

    def body(self) -> dict[str, Any]:
        """``{"format", "options", "max_refused"}``; options of other formats stay behind. Of a valid form."""
        key = self.cleaned_data["format"]
        options = chosen_options(key, self.cleaned_data)
        return {"format": key, "options": options, "max_refused": self.cleaned_data["max_refused"]}
