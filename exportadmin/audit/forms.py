"""Forms that live in the address: filters of the trail's list, and what a question asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, QueryDict

from exportadmin.audit import events, queries
from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import FilterForm, OfferedField, SuggestInput, TextField

LONGEST: Final = 300
# fields for a time; without a zone of its own it is read in that of the one who asks
MOMENTS: Final = ("after", "before")
# what an address of the trail may hold beside its fields: where a page begins, and the format of a file
OLDER, NEWER, FILE_FORMAT = "older_than", "newer_than", "as"
CURSORS: Final = (OLDER, NEWER)


class KeepingSelect(forms.Select):
    """A select that shows a value which is none of its choices all the same."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        """Django's, the unknown value first."""
        groups: list[Any] = super().optgroups(name, value, attrs)
        known = {str(option["value"]) for _, options, _ in groups for option in options}
        unknown = [(None, [self.create_option(name, each, each, True, 0)], 0) for each in value if each not in known]
        return [*unknown, *groups]


def valid(check: Callable[[str], object]) -> Callable[[str], None]:
    """A validator for a field, of a function that raises :class:`UserError`."""

    def validate(value: str) -> None:
        try:
            check(value)
        except UserError as error:
            raise forms.ValidationError(error.message) from error

    return validate


def text(
    label: str, hint: str = "", *, check: Callable[[str], object] | None = None, default: str = ""
) -> forms.CharField:
    """A text, such as a name; ``default`` is what is taken where nothing is written."""
    return TextField(
        label=label,
        help_text=hint,
        required=False,
        max_length=LONGEST,
        validators=[valid(check)] if check else [],
        widget=SuggestInput(attrs={"placeholder": default} if default else {}),
        error_messages={
            "max_length": "%(show_value)d characters; at most %(limit_value)d are looked for",
            "null_characters_not_allowed": "it holds a character that no name has",
        },
    )


def choice(
    label: str, choices: Sequence[tuple[str, Any]], *, check: Callable[[str], object], default: str = "any"
) -> forms.ChoiceField:
    """One of several; ``check`` says what is wrong with another one. ``default`` stands for none of them."""
    return OfferedField(
        label=label,
        choices=[("", default), *choices],
        required=False,
        validators=[valid(check)],
        widget=KeepingSelect,
    )


class TrailForm(FilterForm):
    """Fields of an address that may also hold a cursor and a file's format."""

    def __init__(self, data: QueryDict, *, beside: Sequence[str] = CURSORS, **kwargs: Any) -> None:
        super().__init__(data, beside=beside, auto_id="f-%s", **kwargs)
        for name in MOMENTS:
            if name in self.fields and not self.fields[name].help_text:
                self.fields[name].help_text = f"{times.here()}, such as 2026-11-22 09:30"

    @property
    def given(self) -> dict[str, str]:
        """What the address says, right or wrong, without what is empty."""
        return {name: value for name in self.fields if (value := self.data.get(name, "").strip())}

    @property
    def query(self) -> str:
        """:attr:`given` as the query string of a link; empty where nothing is given."""
        return query(self.given) if self.given else ""

    def suggest(self, suggestions: Mapping[str, Sequence[str]]) -> None:
        """Offer names while somebody writes."""
        for name, names in suggestions.items():
            if name in self.fields and isinstance(widget := self.fields[name].widget, SuggestInput):
                widget.choices = [(each, each) for each in names]


def query(params: Mapping[str, str], **more: object) -> str:
    """``?name=value&…`` for a link."""
    return "?" + urlencode({**params, **more})


def tidied(request: HttpRequest) -> str | None:
    """The same address without empty parameters, where it has some (a form sends them all); else ``None``."""
    pairs = [(name, value.strip()) for name, values in request.GET.lists() for value in values]
    if all(value for _, value in pairs):
        return None
    kept = [(name, value) for name, value in pairs if value]
    return request.path + (f"?{urlencode(kept)}" if kept else "")


def _filter(name: str) -> Callable[[str], object]:
    return lambda value: queries.search_params({name: value})


def _any(name: str, label: str, *values: str) -> forms.ChoiceField:
    return choice(label, [(value, value) for value in values], check=_filter(name))


class EntriesForm(TrailForm):
    """The filters of the list, named as :data:`exportadmin.audit.queries.FILTERS`, in the order of the screen."""

    actor = text("Person", "user name, or token of user name")
    event = choice("Action", (), check=_filter("event"))
    object = text("Object", "its name or id")
    project = text("Project", "its name or id")
    after = text("Not before", check=_filter("after"))
    before = text("Not after", check=_filter("before"))
    channel = _any("channel", "Channel", "web", "rest", "shell", "link", "worker")
    outcome = _any("outcome", "Outcome", "done", "refused", "failed")
    request_id = text("Request id")
    address = text("Network address")
    actor_kind = _any("actor_kind", "Kind of person", "user", "token", "system")
    object_kind = text("Kind of object", "such as artifact or export_report")

    # these stand behind a fold
    folded = ("request_id", "address", "actor_kind", "object_kind")

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["event"].choices = [("", "any"), *events.choices()]  # type: ignore[attr-defined]

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that are always there."""
        return [self[name] for name in self.fields if name not in self.folded]

    @property
    def more(self) -> list[forms.BoundField]:
        """The fields behind the fold."""
        return [self[name] for name in self.folded]

    @property
    def is_unfolded(self) -> bool:
        """Does one of them hold something?"""
        return any(name in self.given for name in self.folded)

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """What is asked, as ``(label, value)``."""
        return [(str(self.fields[name].label), value) for name, value in self.given.items()]


def moment_field(label: str, hint: str = "") -> forms.CharField:
    """A time, in a form of :func:`exportadmin.lib.times.parse_ms`; ``hint`` where it is read in a zone of its own."""
    return text(label, hint, check=times.parse_ms)
