"""What the addresses of lists ask for, as forms."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.db.models import F

from exportadmin.lib.forms import ChoiceField, FilterForm, TextField

# word in the address → (words on the page, ordering)
PROJECT_SORTS: Final[dict[str, tuple[str, list[Any]]]] = {
    "name": ("Name", ["name", "pk"]),
    "exported": ("Last export", [F("exported_at").desc(nulls_last=True), "name", "pk"]),
    "newest": ("Newest", ["-created_at", "-pk"]),
}


class ProjectFilterForm(FilterForm):
    """Which projects a list shows, and in which order."""

    q = TextField(label="Name", required=False, widget=forms.TextInput(attrs={"type": "search", "maxlength": 200}))
    sort = ChoiceField(
        label="Sorting",
        required=False,
        choices=[(key, title) for key, (title, _) in PROJECT_SORTS.items()],
    )
