"""The form for a token of another platform's client."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms

from connections.access.forms import LIFETIMES, USUAL_LIFETIME, PasswordGivenForm
from exportadmin.lib.forms import ChoiceField, TextField


class SdkTokenForm(PasswordGivenForm):
    """How long it lives."""

    blamed = {"expires_in_days": "days"}

    # the same form sent again issues no second token
    once = TextField(required=False, widget=forms.HiddenInput)
    days = ChoiceField(label="Its token lives for", choices=list(LIFETIMES.items()))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, initial={"days": USUAL_LIFETIME, "once": secrets.token_urlsafe(12)}, **kwargs)

    @property
    def expires_in_days(self) -> int | None:
        """Of a valid form; ``None``: no end."""
        days = self.cleaned_data["days"]
        return int(days) if days.isdigit() else None
