"""The form on an export's page that has its delivery proved."""

from __future__ import annotations

from typing import Any

from exportadmin.lib.forms import ChoiceField, Form
from exports.models.proof import FULL, HOW


class ProveForm(Form):
    """How the delivery is looked at; all of it is read where nothing is said."""

    how = ChoiceField(label="How", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "prove-%s")
        super().__init__(*args, **kwargs)
        self.fields["how"].choices = [(key, title) for key, (title, _) in HOW.items()]  # type: ignore[attr-defined]

    def how_chosen(self) -> str:
        """Of a valid form."""
        return str(self.cleaned_data["how"] or FULL)
