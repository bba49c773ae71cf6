"""Inputs of the form: a moment, choices with their rows, keys and ids pasted from a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms

from connections.store.overview import Overview
from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceBoxes, ChoiceButtons
from exportadmin.lib.text import check_text

_A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BETWEEN = re.compile(r"(\r\n|[\r\n\t])")
_SHOWN: Final = 40
_MOST_MISSING: Final = 5

# a flat list, or groups of them: what Django's choices are
Choices = Sequence[tuple[Any, Any]]


class ConditionField(forms.Field):
    """A field of a condition. It is never required: what is left empty is not asked."""

    # is there anything to choose from?
    is_offered = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def note(self, value: Any) -> str:
        """How what stands in the input is read; empty where it says nothing. Raises ``ValidationError``."""
        return ""

    def fill(self, overview: Overview, value: Any) -> None:
        """Offer what the project holds; ``value`` is what stands in the input."""


class WordField(ConditionField):
    """A short text. Cleaned: without blanks around it."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"maxlength": 100, "autocomplete": "off", "spellcheck": "false"}
        super().__init__(widget=forms.TextInput(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> str:
        return str(value or "").strip()


class MomentField(WordField):
    """A time as people write it. Cleaned it stays the text, for what was written is what is kept."""

    def __init__(self, lead: str, time_zone: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lead = lead
        self.time_zone = time_zone

    def clean(self, value: Any) -> str:
        """Raises ``ValidationError``."""
        text = super().clean(value)
        if text:
            self._ms(text)
        return text

    def note(self, value: Any) -> str:
        text = self.clean(value)
        if not text:
            return ""
        written = times.iso_utc(self._ms(text)).removesuffix("+00:00").removesuffix(".000").replace("T", " ")
        day = " That is the first moment of that day." if self.lead != "From" and _A_DAY.fullmatch(text) else ""
        return f"{self.lead} {written} UTC.{day}"

    def _ms(self, text: str) -> int:
        try:
            return times.parse_ms(text, time_zone=self.time_zone)
        except UserError as error:
            raise forms.ValidationError(error.message) from None


class BoxesField(forms.MultipleChoiceField, ConditionField):
    """Boxes to tick. Which values there are its condition knows; ``choices_of`` gives them with their rows."""

    def __init__(
        self,
        choices_of: Callable[[Overview, Sequence[str]], Choices],
        layout: str,
        scrolls_from: int | None,
        *,
        is_switch: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(widget=ChoiceBoxes(layout=layout, scrolls_from=scrolls_from, is_switch=is_switch), **kwargs)
        self.choices_of = choices_of

    def validate(self, value: Any) -> None:
        """The condition does, and says what would be right."""

    def fill(self, overview: Overview, value: Any) -> None:
        self.choices = choices = list(self.choices_of(overview, value or ()))
        self.is_offered = bool(choices)


class ButtonsField(forms.ChoiceField, ConditionField):
    """One of several. Which values there are its condition knows."""

    def __init__(self, choices: Choices, layout: str, **kwargs: Any) -> None:
        super().__init__(choices=choices, widget=ChoiceButtons(layout=layout), **kwargs)

    def validate(self, value: Any) -> None:
        """The condition does, and says what would be right."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """``lines`` maps each value to the line (from 1) where it stands first; ``doubles`` were dropped."""

    lines: dict[str, int]
    doubles: int = 0

    @classmethod
    def read(cls, text: str) -> Pasted:
        """One a line or a tab, since a key may hold anything else, commas too. Blanks around it are dropped."""
        lines: dict[str, int] = {}
        doubles = 0
        line = 1
        for piece in _BETWEEN.split(text):
            value = piece.strip()
            if value in lines:
                doubles += 1
            elif value:
                lines[value] = line
            if piece in ("\r\n", "\r", "\n"):
                line += 1
        return cls(lines, doubles)


class PastedField(ConditionField):
    """Keys or ids from a spreadsheet; cleaned: a list. ``noun`` is what one and several are called."""

    def __init__(self, noun: tuple[str, str], most: int, **kwargs: Any) -> None:
        attrs = {"rows": 3, "autocomplete": "off", "spellcheck": "false", "class": "form-control ea-code"}
        super().__init__(widget=forms.Textarea(attrs=attrs), **kwargs)
        self.noun = noun
        self.most = most

    def clean(self, value: Any) -> list[str]:
        """Raises ``ValidationError`` that says in which line it is."""
        lines = Pasted.read(str(value or "")).lines
        if len(lines) > self.most:
            first, line = list(lines.items())[self.most]
            raise forms.ValidationError(
                f"{len(lines):,} are pasted; at most {self.most:,} are allowed: "
                f"line {line:,} ({_short(first)}) is the first one too many"
            )
        for text, line in lines.items():
            try:
                check_text(text, f"line {line:,}")
            except UserError as error:
                raise forms.ValidationError(error.message) from None
        return list(lines)

    def note(self, value: Any) -> str:
        pasted = Pasted.read(str(value or ""))
        if not pasted.lines:
            return ""
        count = len(pasted.lines)
        doubles = f", {pasted.doubles:,} given twice" if pasted.doubles else ""
        return f"{count:,} {self.noun[count != 1]}{doubles}."

    def missing_note(self, value: Any, missing: Sequence[str]) -> str:
        """In which lines those stand that name no row of the project."""
        lines = Pasted.read(str(value or "")).lines
        found = sorted((lines[one], one) for one in missing if one in lines)
        shown = [f"line {line:,} ({_short(one)})" for line, one in found]
        more = f" and {len(shown) - _MOST_MISSING:,} more" if len(shown) > _MOST_MISSING else ""
        return f"Not in this project: {', '.join(shown[:_MOST_MISSING])}{more}."


def _short(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
