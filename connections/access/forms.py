"""The forms on accounts, tokens and members. Actions judge what they hold, so that REST and shell hear the same."""

from __future__ import annotations

import secrets
from typing import Any, Final

from django import forms
from django.contrib.auth.forms import PasswordChangeForm as DjangoPasswordChangeForm

from connections.access import keys, passwords, preferences, time_zones
from connections.access.models import Membership
from connections.access.roles import ROLES, SCOPES
from exportadmin.lib.forms import (
    BoundField,
    ChoiceBoxes,
    ChoiceButtons,
    ChoiceField,
    ChoiceLabel,
    FilterForm,
    Form,
    OfferedField,
    OfferedListField,
    SuggestInput,
    TextField,
)

_USERNAME: Final = {"maxlength": 150, "autocapitalize": "none"}
NO_END: Final = "no end"
# days as the form sends them → text
LIFETIMES: Final[dict[str, str]] = {
    "7": "7 days",
    "30": "30 days",
    "90": "90 days",
    "180": "180 days",
    "365": "1 year",
    NO_END: "No end",
}
USUAL_LIFETIME: Final = "90"
PERSON_STATES: Final[dict[str, str]] = {
    "": "All",
    "active": "May sign in",
    "invited": "Invited, no password yet",
    "disabled": "Disabled",
}
TOKEN_STATES: Final[dict[str, str]] = {"": "All", "living": "In use", "ended": "Ended"}


def _text(label: str, longest: int, autocomplete: str, **kwargs: Any) -> TextField:
    widget = kwargs.pop("widget", forms.TextInput)(attrs={"maxlength": longest, "autocomplete": autocomplete})
    return TextField(label=label, required=False, widget=widget, **kwargs)


def time_zone_field(help_text: str) -> OfferedField:
    """An IANA name; those that are offered are not the only ones."""
    return OfferedField(
        label="Time zone",
        choices=lambda: [(zone, zone) for zone in time_zones.offered()],
        required=False,
        widget=SuggestInput(
            attrs={
                "maxlength": time_zones.LONGEST,
                "autocapitalize": "none",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
        help_text=help_text,
    )


class ProjectForm(Form):
    """The settings of a project, new or not."""

    name = TextField(label="Name", required=False, widget=forms.TextInput(attrs={"maxlength": 200}))
    description = TextField(label="Description", required=False, lines=3)
    time_zone = time_zone_field(
        "Times in filters that name no zone are read in it. Exports that were asked for before keep theirs."
    )

    @property
    def given(self) -> dict[str, str]:
        """The cleaned values of the inputs that were sent."""
        return {name: value for name, value in self.cleaned_data.items() if name in self.data}


class DeleteProjectForm(Form):
    """The project's name, typed."""

    confirm = TextField(label="Name of the project", required=False, widget=forms.TextInput(attrs={"maxlength": 200}))


class ProfileForm(Form):
    """What people change of themselves; cleaned as :func:`connections.access.people.change_profile` takes it."""

    first_name = _text("First name", 150, "given-name")
    last_name = _text("Last name", 150, "family-name")
    email = _text("Email", 254, "email", widget=forms.EmailInput)


class PreferenceForm(Form):
    """Light or dark, and the zone in which pages print times."""

    theme = OfferedField(
        label="Theme",
        choices=list(preferences.THEMES.items()),
        required=False,
        widget=ChoiceButtons(layout="ea-choices"),
    )
    time_zone = time_zone_field("Pages print times in it. REST and exported files stay with UTC.")


# what Django's validators (AUTH_PASSWORD_VALIDATORS) ask for
GOOD_ONES: Final = "At least 8 characters, not only digits, not a common one, not like your name."
END_KEYS, KEEP_KEYS = "end", "keep"
# what becomes of tokens and links when a password is changed
KEYS_AFTER: Final[dict[str, str]] = {END_KEYS: "End them all", KEEP_KEYS: "Keep them"}


class PasswordChangeForm(DjangoPasswordChangeForm):
    """Django's, drawn as our forms are."""

    bound_field_class = BoundField
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="%s", **kwargs)
        labels = {
            "old_password": "Your password now",
            "new_password1": "New password",
            "new_password2": "The new one again",
        }
        for name, label in labels.items():
            field = self.fields[name]
            field.label, field.help_text = label, ""
            field.widget.attrs.update(autocapitalize="none", spellcheck="false")
            field.widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = GOOD_ONES
        if text := keys.in_words(keys.counts_of(self.user)):
            self.fields["keys"] = forms.ChoiceField(
                label=f"You have {text}",
                choices=list(KEYS_AFTER.items()),
                initial=END_KEYS,
                required=False,
                widget=ChoiceButtons,
                help_text="Whoever knew the old password may have made some of them.",
            )

    @property
    def keeps_keys(self) -> bool:
        """Do tokens and links of this person stay?"""
        return bool(self.cleaned_data.get("keys") == KEEP_KEYS)

    def clean_old_password(self) -> str:
        """Tries are counted. Raises ``ValidationError``, and :class:`TooManyError` after too many."""
        old = str(self.cleaned_data["old_password"])
        if not passwords.is_right(self.user, old):
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return old


class PasswordGivenForm(Form):
    """A form with the password of whoever is signed in, drawn where it was not given of late (``asks_password``)."""

    password = forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, password_at: float | None, **kwargs: Any) -> None:
        """``password_at``: when it was last given, as :func:`connections.access.passwords.is_recent` takes it."""
        super().__init__(*args, **kwargs)
        self.asks_password = not passwords.is_recent(password_at)


class PasswordForm(PasswordGivenForm):
    """For a button that asks for nothing else."""


class InviteForm(PasswordGivenForm):
    """Whom to invite, and where they begin."""

    username = TextField(label="User name", required=False, widget=forms.TextInput(attrs=_USERNAME))
    first_name = _text("First name", 150, "off")
    last_name = _text("Last name", 150, "off")
    email = _text("Email", 254, "off", widget=forms.EmailInput)


class ChoosePasswordForm(Form):
    """The first password, twice."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=GOOD_ONES,
    )
    again = forms.CharField(
        label="The same again",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if {"password", "again"} <= data.keys() and data["password"] != data["again"]:
            self.add_error("again", "The two passwords are not the same.")
        return data


class PersonFilterForm(FilterForm):
    """Which people a list shows."""

    q = TextField(
        label="Name or email",
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    state = ChoiceField(label="State", choices=list(PERSON_STATES.items()), required=False)


class PersonRoleForm(Form):
    """A role in a project for one person."""

    project = OfferedField(label="Project", required=False)
    role = OfferedField(
        label="Role",
        choices=[(role, ChoiceLabel(role.capitalize(), help=text)) for role, (_, text) in ROLES.items()],
        required=False,
        widget=ChoiceButtons,
    )

    def __init__(self, *args: Any, projects: Any, **kwargs: Any) -> None:
        """``projects``: those to choose from."""
        super().__init__(*args, **kwargs)
        self.fields["project"].choices = [(each.public_id, each.name) for each in projects]  # type: ignore[attr-defined]


class MemberForm(Form):
    """A person and the role that they get."""

    username = TextField(
        label="User name",
        required=False,
        widget=forms.TextInput(attrs=_USERNAME),
        help_text="Of an account that there is; superusers invite new people.",
    )
    role = OfferedField(
        label="Role",
        choices=[(role, ChoiceLabel(role.capitalize(), help=text)) for role, (_, text) in ROLES.items()],
        required=False,
        widget=ChoiceButtons,
    )


class RoleForm(Form):
    """Another role for a member."""

    role = OfferedField(choices=[(role, role.capitalize()) for role in ROLES], required=False)

    def __init__(self, *args: Any, member: Membership, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"%s-{member.user_id}", initial={"role": member.role}, **kwargs)
        self.fields["role"].label = f"Role of {member.user.get_username()}"


class TokenForm(PasswordGivenForm):
    """What to issue. ``user`` is there for those who may issue for others."""

    blamed = {"expires_in_days": "days"}

    # the same form sent again issues no second token
    once = TextField(required=False, widget=forms.HiddenInput)
    name = TextField(
        label="Name",
        required=False,
        widget=forms.TextInput(attrs={"maxlength": 120}),
        help_text="What it is for, such as “nightly training”.",
    )
    user = TextField(
        label="For",
        required=False,
        widget=forms.TextInput(attrs=_USERNAME),
        help_text="User name; the token may what this person may.",
    )
    scopes = OfferedListField(
        label="Scopes",
        choices=[(scope, ChoiceLabel(text, help=scope)) for scope, (_, text) in SCOPES.items()],
        required=False,
        widget=ChoiceBoxes,
    )
    project = OfferedField(label="Project", required=False)
    days = OfferedField(label="Lives for", choices=list(LIFETIMES.items()), required=False)

    def __init__(self, *args: Any, projects: Any, username: str, **kwargs: Any) -> None:
        """``projects``: those to choose from; ``username``: of the one who fills it in."""
        initial = {"days": USUAL_LIFETIME, "user": username, "once": secrets.token_urlsafe(12)}
        super().__init__(*args, initial=initial, **kwargs)
        offered = [(project.public_id, project.name) for project in projects]
        self.fields["project"].choices = [("", "All that its user may see"), *offered]  # type: ignore[attr-defined]

    def clean_days(self) -> int | None:
        """Days; ``None``: no end. Whether so many are too many is for the action to say."""
        text = self.cleaned_data["days"] if "days" in self.data else USUAL_LIFETIME
        if text == NO_END:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 6):
            raise forms.ValidationError(f"{text[:20]!r} is no number of days")
        return int(text)


class TokenFilterForm(FilterForm):
    """Which tokens a list shows; ``user`` is for those who see those of others."""

    state = ChoiceField(label="State", choices=list(TOKEN_STATES.items()), required=False)
    user = TextField(
        label="User",
        required=False,
        widget=forms.TextInput(attrs={**_USERNAME, "type": "search", "placeholder": "everybody's"}),
    )
