"""The form on an export's page that asks for its conversion."""

from __future__ import annotations

from typing import Any

from django import forms

from exportadmin.lib.forms import ChoiceField, Form
from exports.formats import FORMATS


class ConvertForm(Form):
    """A format, and of each format that has options a choice for each (``csv.profile``)."""

    format = ChoiceField(label="Format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "convert-%s")
        super().__init__(*args, **kwargs)
        chosen = self.fields["format"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [(key, writer.title) for key, writer in FORMATS.items()]
        for key, writer in FORMATS.items():
            for option in writer.options:
                self.fields[f"{key}.{option.name}"] = ChoiceField(
                    label=f"{writer.title}: {option.name}",
                    required=False,
                    choices=[(value, value) for value in option.values],
                )

    def body(self) -> dict[str, Any]:
        """``{"format", "options"}``; options of other formats stay behind. Of a valid form."""
        key = self.cleaned_data["format"]
        given = {option.name: self.cleaned_data[f"{key}.{option.name}"] for option in FORMATS[key].options}
        return {"format": key, "options": {name: value for name, value in given.items() if value}}
