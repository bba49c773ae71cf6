"""The forms on connections. What a kind declares is what they ask for; actions judge what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils import timezone

from connections.adapters import ConfigValue, ConnectionField, ConnectionKind, SecretField
from connections.connection_actions import MAX_CONNECTION_NAME
from connections.declared import MAX_VALUE
from connections.kinds import connection_kinds
from connections.models import Connection, ConnectionSecret
from connections.states import STATES
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import BoundField, ChoiceField, FilterForm, Form, OfferedField, TextField
from exportadmin.lib.text import as_sentence

CONFIG, SECRETS, FORGET = "config", "secrets", "forget"
_REFERENCE_HELP: Final = "Or env:NAME or file:/path, where it is kept outside of Export Admin."


class ConnectionForm(Form):
    """Name and settings; of a new one (``connection`` is ``None``) the secrets too. Inputs of the kind have its names
    behind ``config.`` and ``secrets.``."""

    name = TextField(
        label="Name",
        required=False,
        widget=forms.TextInput(attrs={"maxlength": MAX_CONNECTION_NAME}),
        help_text="As people will find it where they choose a destination.",
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        kind: type[ConnectionKind],
        connection: Connection | None = None,
        **kwargs: Any,
    ) -> None:
        if connection is not None:
            settings = {f"{CONFIG}.{name}": value for name, value in connection.config.items()}
            kwargs["initial"] = {"name": connection.name, **settings}
        super().__init__(data, **kwargs)
        self.kind = kind
        if connection is None:
            self.fields["kind"] = forms.CharField(initial=kind.key, widget=forms.HiddenInput)
        for field in kind.connection_fields:
            self.fields[f"{CONFIG}.{field.name}"] = _config_field(field)
        for secret in kind.connection_secrets if connection is None else ():
            self.fields[f"{SECRETS}.{secret.name}"] = _secret_field(secret, "")
        for field in kind.connection_fields:
            if field.warning:
                self.fields[f"{CONFIG}.{field.name}"].warning = field.warning  # type: ignore[attr-defined]

    @property
    def config(self) -> dict[str, ConfigValue]:
        """The settings as they were given, by their names."""
        return _under(CONFIG, self.cleaned_data)

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that were given, by their names."""
        return {name: value for name, value in _under(SECRETS, self.cleaned_data).items() if value}

    @property
    def settings(self) -> list[BoundField]:
        """The inputs of the settings, as the kind has them in order."""
        return [self[f"{CONFIG}.{field.name}"] for field in self.kind.connection_fields]  # type: ignore[misc]

    @property
    def secret_inputs(self) -> list[BoundField]:
        """Those of the secrets, where the form asks for them."""
        names = [f"{SECRETS}.{secret.name}" for secret in self.kind.connection_secrets]
        return [self[name] for name in names if name in self.fields]  # type: ignore[misc]

    def blame(self, error: UserError) -> None:
        """As :meth:`Form.blame`."""
        _blame(self, error, "name")


class SecretsForm(Form):
    """New values for some secrets of a connection: what is left empty stays as it is. ``stored`` are those it has."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        kind: type[ConnectionKind],
        stored: Iterable[ConnectionSecret],
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        known = {secret.field: secret for secret in stored}
        for field in kind.connection_secrets:
            secret = known.get(field.name)
            self.fields[f"{SECRETS}.{field.name}"] = _secret_field(field, _stands(secret))
            if secret is not None and not field.is_required:
                self.fields[f"{FORGET}.{field.name}"] = forms.BooleanField(
                    label=f"Forget {field.title[:1].lower()}{field.title[1:]}", required=False
                )

    @property
    def secrets(self) -> dict[str, str]:
        """Those that were given, by their names; the empty text for one that is to be forgotten."""
        given = {name: value for name, value in _under(SECRETS, self.cleaned_data).items() if value}
        return {name: "" for name, value in _under(FORGET, self.cleaned_data).items() if value} | given

    def blame(self, error: UserError) -> None:
        """As :meth:`Form.blame`."""
        _blame(self, error, next(iter(self.fields)))


class GrantForm(Form):
    """The project that may use a connection."""

    project = OfferedField(label="Project", required=False)

    def __init__(self, data: QueryDict | None = None, *, projects: Any = (), **kwargs: Any) -> None:
        """``projects``: ``(public id, name)`` of those to choose from."""
        super().__init__(data, **kwargs)
        self.fields["project"].choices = [("", "Choose a project"), *projects]  # type: ignore[attr-defined]


class DeleteConnectionForm(Form):
    """The connection's name, typed. What the action has against it is said there too."""

    confirm = TextField(
        label="Name of the connection", required=False, widget=forms.TextInput(attrs={"maxlength": MAX_CONNECTION_NAME})
    )

    def __init__(self, data: QueryDict | None = None, *, name: str, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.name = name

    def clean_confirm(self) -> str:
        """Raises ``ValidationError`` for another name."""
        typed: str = self.cleaned_data["confirm"]
        if typed != self.name:
            raise forms.ValidationError(f"Type the connection's name, {self.name!r}, to confirm that it goes.")
        return typed

    def blame(self, error: UserError) -> None:
        """As :meth:`Form.blame`."""
        _blame(self, error, "confirm")


class ConnectionFilterForm(FilterForm):
    """Which connections a list shows."""

    q = TextField(
        label="Name",
        required=False,
        max_length=MAX_CONNECTION_NAME,
        widget=forms.TextInput(attrs={"type": "search"}),
        error_messages={"max_length": "the search has %(show_value)d characters; at most %(limit_value)d are read"},
    )
    kind = ChoiceField(label="Kind", required=False)
    state = ChoiceField(
        label="State",
        required=False,
        choices=[("", "All states"), *((key, state.word) for key, state in STATES.items())],
    )

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        kinds = [(key, kind.title) for key, kind in connection_kinds().items()]
        self.fields["kind"].choices = [("", "All kinds"), *kinds]  # type: ignore[attr-defined]


def _config_field(field: ConnectionField) -> forms.Field:
    help_text = as_sentence(field.help)
    if field.is_flag:
        return forms.BooleanField(label=field.title, help_text=help_text, required=False, initial=field.default)
    if field.choices:
        has_default = field.default in dict(field.choices)
        return OfferedField(
            label=field.title if has_default else _label(field),
            help_text=help_text,
            required=False,
            initial=field.default,
            choices=field.choices if has_default else (("", "Choose"), *field.choices),
        )
    return TextField(
        label=_label(field),
        help_text=help_text,
        required=False,
        initial=field.default,
        max_length=MAX_VALUE,
        widget=forms.TextInput(attrs={"autocapitalize": "none"}),
    )


def _secret_field(secret: SecretField, stands: str) -> forms.Field:
    """``stands``: what is known of the value that is set. Nothing that was typed is ever sent back."""
    return forms.CharField(
        label=secret.title,
        help_text=" ".join(filter(None, [stands, as_sentence(secret.help), _REFERENCE_HELP])),
        required=False,
        strip=False,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


def _stands(secret: ConnectionSecret | None) -> str:
    """What a form says of a secret that is there: never the secret."""
    if secret is None:
        return "Not set."
    what = f"{secret.reference}, set" if secret.reference else "Set"
    at = timezone.localtime(secret.set_at)
    return f"{what} on {at.day} {at:%b %Y, %H:%M %Z} by {secret.set_by}."


def _label(field: ConnectionField) -> str:
    return field.title if field.is_required else f"{field.title} (optional)"


def _under(front: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(f"{front}."): value for name, value in data.items() if name.startswith(f"{front}.")}


def _blame(form: Form, error: UserError, otherwise: str) -> None:
    """Under the input that is meant; ``otherwise``: where it stands that no input of the form is wrong."""
    name = error.field if error.field in form.fields else otherwise
    form.add_error(name, as_sentence(error.message))
