"""Forms on links: issue one, filter their list."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.http import QueryDict

from connections.access.forms import PasswordGivenForm
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceButtons, ChoiceField, FilterForm, OfferedField, TextField
from exports.links import states, tokens

OTHER: Final = "other"
# seconds, as a form sends them → text
DURATIONS: Final[tuple[tuple[str, str], ...]] = (
    ("3600", "1 hour"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    (OTHER, "Another time"),
)
UNITS: Final[dict[str, int]] = {"minutes": 60, "hours": 3600, "days": 86400}
LONGEST_SEARCH: Final = 200
_WHOLE: Final = "Write a whole number, 1 or more: a link lasts 1 minute to 30 days."


class LinkForm(PasswordGivenForm):
    """Cleaned: ``seconds``, ``one_time`` and ``for_user`` as :func:`exports.links.actions.issue_link` takes them."""

    blamed = {"seconds": "last"}

    last = forms.ChoiceField(
        label="How long it lasts",
        choices=DURATIONS,
        initial="3600",
        widget=ChoiceButtons,
        error_messages={"required": "Choose how long the link lasts."},
    )
    amount = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10**6,
        help_text="1 minute to 30 days.",
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), _WHOLE),
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "maxlength": 20,
                "autocomplete": "off",
                "aria-label": "Another time: how many",
            }
        ),
    )
    unit = forms.ChoiceField(
        choices=[(unit, unit) for unit in UNITS],
        required=False,
        initial="hours",
        widget=forms.Select(attrs={"aria-label": "Another time: minutes, hours or days"}),
    )
    for_user = TextField(
        label="For whom",
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"autocapitalize": "none"}),
        help_text="A user name: only that person can use the link, after signing in."
        " Empty: anybody who holds the address.",
    )
    one_time = forms.BooleanField(
        label="Good for one download",
        required=False,
        help_text="Looking at the page of the link does not count; a download that breaks off can be continued.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = "For a link that lasts longer than a day."

    def clean(self) -> dict[str, Any]:
        """Choice and free time together make ``seconds``."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        last, amount = data.get("last"), data.get("amount")
        if last == OTHER:
            if amount is not None:
                data["seconds"] = amount * UNITS[data.get("unit") or "hours"]
            elif "amount" not in self.errors:
                self.add_error("amount", "Write how many minutes, hours or days: 1 minute to 30 days.")
        elif last is not None:
            self.errors.pop("amount", None)  # no number is read where none is asked for
            if amount is not None:
                self.add_error("amount", "Choose “Another time” to use this number, or leave it empty.")
            data["seconds"] = int(last)
        if "seconds" in data and not self.errors.get("amount"):
            try:
                tokens.check_seconds(data["seconds"])
            except UserError as error:
                self.blame(error)
        return data

    def clean_for_user(self) -> AbstractBaseUser | None:
        """The account, or ``None`` for anybody. Whoever fills in the form may hand out links: that was asked before."""
        name = str(self.cleaned_data["for_user"])
        try:
            return tokens.person_named(name) if name else None
        except UserError as error:
            raise forms.ValidationError(_sentence(error)) from error

    def blame(self, error: UserError) -> None:
        """As :meth:`Form.blame`; a time that was written by hand is blamed where it was written."""
        is_written = error.field == "seconds" and self.cleaned_data.get("last") == OTHER
        super().blame(UserError(_sentence(error), field="amount" if is_written else error.field))


def _sentence(error: UserError) -> str:
    return f"{error.message[:1].upper()}{error.message[1:]}."


class LinkFilterForm(FilterForm):
    """Which links a list shows."""

    q = TextField(
        label="File, export, or person",
        required=False,
        max_length=LONGEST_SEARCH,
        widget=forms.TextInput(attrs={"type": "search"}),
        error_messages={
            "max_length": "the search has %(show_value)d characters; at most %(limit_value)d are read",
        },
    )
    state = ChoiceField(
        label="State",
        choices=[("", "All states"), *((state, labels[0]) for state, labels in states.LABELS.items())],
        required=False,
    )
    project = OfferedField(label="Project", required=False)

    def __init__(self, data: QueryDict, *, projects: Any, **kwargs: Any) -> None:
        """``projects``: ``(public id, name)`` of those to choose from."""
        super().__init__(data, **kwargs)
        self.fields["project"].choices = [("", "All projects"), *projects]  # type: ignore[attr-defined]
