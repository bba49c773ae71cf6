"""Fields that a form of a new export and one of a conversion share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceField, SuggestInput, TextField
from exports.formats import FORMATS
from exports.formats.base import Format, Option, TextOption
from exports.spec.spec import MAX_REFUSED, parse_max_refused


class MaxRefusedField(TextField):
    """A share, cleaned to a number; the default where it is empty."""

    def __init__(self) -> None:
        super().__init__(
            label="Refused rows allowed",
            help_text="The share of the rows that the format may refuse, from 0 to 1; with more of them the run fails. "
            "One of several never stops the others, unless it is 0.",
            max_length=20,
            required=False,
            initial=f"{MAX_REFUSED:g}",
        )

    def clean(self, value: Any) -> Any:
        """Raises ``ValidationError``."""
        text = super().clean(value)
        try:
            share: object = float(text) if text else None
        except ValueError:
            share = text
        try:
            return parse_max_refused(share)
        except UserError as error:
            raise forms.ValidationError(error.message) from None


def format_options() -> Iterator[tuple[str, type[Format], Option]]:
    """``(name of the input, format, option)``, such as ``csv.profile``."""
    for key, writer in FORMATS.items():
        for option in writer.options:
            yield f"{key}.{option.name}", writer, option


class OptionTextField(TextField):
    """An option that takes any text of a pattern, with its usual values to pick from."""

    def __init__(self, option: TextOption, label: str) -> None:
        widget = SuggestInput(attrs={"maxlength": option.max_length})
        widget.choices = [(value, value) for value in option.values]
        super().__init__(label=label, help_text=option.help, required=False, initial=option.values[0], widget=widget)
        self._option = option

    def clean(self, value: Any) -> str:
        """Raises ``ValidationError``."""
        text = super().clean(value)
        try:
            return self._option.parse(text) if text else ""
        except UserError as error:
            raise forms.ValidationError(error.message) from None


def option_field(option: Option, label: str, widget: forms.Select | None = None) -> ChoiceField | OptionTextField:
    """Left empty, it is the first value."""
    if isinstance(option, TextOption):
        return OptionTextField(option, label)
    return ChoiceField(
        label=label,
        help_text=option.help,
        required=False,
        initial=option.values[0],
        choices=[(value, value) for value in option.values],
        widget=widget or forms.Select(),
    )


def chosen_options(key: str, data: Mapping[str, Any]) -> dict[str, str]:
    """The options of the format ``key`` in the cleaned ``data`` of a form."""
    return {option.name: data[f"{key}.{option.name}"] or option.values[0] for option in FORMATS[key].options}
