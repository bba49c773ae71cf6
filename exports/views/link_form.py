"""The form that issues a link: how long, how often, for whom."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib.auth.models import AbstractBaseUser

from exportadmin.lib.errors import UserError
from exports.links import tokens

OTHER: Final = "other"
# seconds, as a form sends them → words
DURATIONS: Final[tuple[tuple[str, str], ...]] = (
    ("3600", "1 hour"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    (OTHER, "Another time"),
)
UNITS: Final[dict[str, int]] = {"minutes": 60, "hours": 3600, "days": 86400}
_WHOLE: Final = "Write a whole number, 1 or more: a link lasts 1 minute to 30 days."
# what an action blames → the field of this form
_BLAMED: Final = {"seconds": "last", "for_user": "for_user"}


class LinkForm(forms.Form):
    """Cleaned: ``seconds``, ``one_time`` and ``for_user`` as :func:`exports.actions.issue_link` takes them."""

    last = forms.ChoiceField(
        choices=DURATIONS, initial="3600", error_messages={"required": "Choose how long the link lasts."}
    )
    amount = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10**6,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), _WHOLE),
    )
    unit = forms.ChoiceField(choices=[(unit, unit) for unit in UNITS], required=False, initial="hours")
    one_time = forms.BooleanField(required=False)
    for_user = forms.CharField(required=False, max_length=150)

    def clean(self) -> dict[str, Any]:
        """Choice and free time together make ``seconds``."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        last, amount = said.get("last"), said.get("amount")
        if last == OTHER:
            if amount is not None:
                said["seconds"] = amount * UNITS[said.get("unit") or "hours"]
            elif "amount" not in self.errors:
                self.add_error("amount", "Write how many minutes, hours or days: 1 minute to 30 days.")
        elif last is not None:
            if amount is not None:
                self.add_error("amount", "Choose “Another time” to use this number, or leave it empty.")
            said["seconds"] = int(last)
        if "seconds" in said and not self.errors.get("amount"):
            try:
                tokens.check_seconds(said["seconds"])
            except UserError as error:
                self.blame(error)
        return said

    def clean_for_user(self) -> AbstractBaseUser | None:
        """The account, or ``None`` for anybody. Whoever fills in the form may hand out links: that was asked before."""
        name = str(self.cleaned_data["for_user"])
        try:
            return tokens.person_named(name) if name else None
        except UserError as error:
            raise forms.ValidationError(_sentence(error)) from error

    def blame(self, error: UserError) -> None:
        """Put the words of an action beside the field that they are about. Raises the error where there is none."""
        field = _BLAMED.get(error.field or "")
        if field is None:
            raise error
        if field == "last" and self.cleaned_data.get("last") == OTHER:
            field = "amount"
        self.add_error(field, _sentence(error))


def _sentence(error: UserError) -> str:
    return f"{error.message[:1].upper()}{error.message[1:]}."
