"""What all forms share: one template for a field, texts and errors as screens say them, and no unknown inputs.

``{{ form.name.as_field_group }}`` draws a field with label, help and the line that says what is wrong with it, by
``templates/forms/field.html``. The line is always there, so that a page may fill it in later (:attr:`BoundField.note`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.forms.renderers import TemplatesSetting
from django.http import QueryDict

from exportadmin.lib.errors import TooManyError, UserError
from exportadmin.lib.text import check_text

# what a form sends beside its fields: Django's token, the page to go back to, the button that was pressed
FRAME: Final = ("csrfmiddlewaretoken", "next", "do")


class BoundField(forms.BoundField):
    """A field as it is drawn."""

    @property
    def note(self) -> str:
        """What the line under the field says while nothing is wrong; a form may keep such lines in ``notes``."""
        notes: dict[str, str] = getattr(self.form, "notes", {})
        return notes.get(self.name, "")

    @property
    def message_id(self) -> str:
        """The id of that line."""
        return f"{self.auto_id}_error"

    @property
    def aria_describedby(self) -> str | None:
        """The help (``field.described_by``: one that stands elsewhere) and the line that says what is wrong."""
        if self.is_hidden or self.field.widget.attrs.get("aria-describedby"):
            return None
        elsewhere = getattr(self.field, "described_by", "")
        ids = [elsewhere, f"{self.auto_id}_helptext" if self.help_text else "", self.message_id]
        return " ".join(filter(None, ids))

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        """Django's, with Tabler's classes where the widget has none of its own."""
        attrs = super().build_widget_attrs(attrs, widget)
        widget = widget or self.field.widget
        if "class" not in widget.attrs and (kind := _css_class(widget)):
            attrs["class"] = f"{kind} is-invalid" if self.errors else kind
        return attrs


def _css_class(widget: forms.Widget) -> str:
    if widget.is_hidden:
        return ""
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "form-check-input"
    if isinstance(widget, forms.Select):
        return "form-select"
    return "form-control" if isinstance(widget, forms.widgets.Input | forms.Textarea) else ""


class Form(forms.Form):
    """``id`` and ``name`` of an input are the field's name. :meth:`check_names` refuses others."""

    bound_field_class = BoundField
    # the field of an action → the field of this form, where their names differ
    blamed: Mapping[str, str] = {}
    use_required_attribute = False  # what is missing is said in our words, in the place where everything else is

    def __init__(self, data: QueryDict | None = None, *, auto_id: str = "%s", **kwargs: Any) -> None:
        super().__init__(data, auto_id=auto_id, **kwargs)

    def check_names(self) -> None:
        """Raises :class:`UserError` for an input that the form does not have, or that is there twice."""
        if isinstance(self.data, QueryDict):
            many = [name for name, field in self.fields.items() if isinstance(field, forms.MultipleChoiceField)]
            check_names(self.data, [self.add_prefix(name) for name in self.fields], many)

    def blame(self, error: UserError) -> None:
        """Put the message of an action under the field that it is about. Raises the error where there is none, and that
        somebody has had their share, which no field is to blame for.
        """
        name = self.blamed.get(error.field or "", error.field)
        if name not in self.fields or isinstance(error, TooManyError):
            raise error
        self.add_error(name, error.message)


class FilterForm(Form):
    """What an address asks of a list: inputs that are unknown or given twice are refused at once.

    ``beside`` are names that the address may hold beside the fields. A field that is wrong is drawn as such; who draws
    no form takes :attr:`params`, which raises.
    """

    def __init__(self, data: QueryDict, *, beside: Collection[str] = ("page",), **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        check_names(data, [*self.fields, *beside])

    @property
    def params(self) -> dict[str, Any]:
        """What is asked, without what is empty. Raises :class:`UserError` for the first value without a meaning."""
        for name, errors in self.errors.items():
            raise UserError(str(errors[0]), field=name)
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])}


def check_names(data: QueryDict, known: Collection[str], many: Collection[str] = ()) -> None:
    """Raises :class:`UserError` for a name outside ``known``, and for one that is there twice and not of ``many``."""
    for name, values in data.lists():
        if name not in known and name not in FRAME:
            raise UserError(f"unknown parameter {name[:80]!r}; known: {', '.join(known)}", field=name[:80])
        if len(values) > 1 and name not in many:
            raise UserError(f"{name} was given {len(values)} times; expected once", field=name)


class TextField(forms.CharField):
    """A text that can be stored, blanks around it cut off; ``lines`` are seen of one that may have several."""

    default_error_messages = {
        "null_characters_not_allowed": "It holds U+0000, which cannot be stored.",
        "max_length": "%(show_value)d characters; at most %(limit_value)d are kept.",
    }

    def __init__(self, *, lines: int = 1, **kwargs: Any) -> None:
        if lines > 1:
            kwargs.setdefault("widget", forms.Textarea(attrs={"rows": lines}))
        super().__init__(**kwargs)
        for name, value in {"autocomplete": "off", **({"spellcheck": "false"} if lines == 1 else {})}.items():
            self.widget.attrs.setdefault(name, value)

    def clean(self, value: Any) -> str:
        """Raises ``ValidationError``."""
        text: str = super().clean(value)
        try:
            return check_text(text, str(self.label or "It"))
        except UserError as error:
            raise forms.ValidationError(error.message) from None


class ChoiceField(forms.ChoiceField):
    """One of several; another one is refused by its name."""

    def validate(self, value: Any) -> None:
        """Raises ``ValidationError``."""
        forms.Field.validate(self, value)
        if value and not self.valid_value(value):
            choices: Any = self.choices
            pairs = [pair for key, label in choices for pair in (label if isinstance(label, list) else [(key, label)])]
            known = ", ".join(key for key, _ in pairs if key)
            raise forms.ValidationError(f"unknown {str(self.label).lower()} {value[:40]!r}; known: {known}")


class OfferedField(forms.ChoiceField):
    """One of several, where the action behind the form says itself what it does not know (and records that)."""

    def valid_value(self, value: Any) -> bool:
        """Leave it to the action."""
        return True


class OfferedListField(forms.MultipleChoiceField):
    """As :class:`OfferedField`, several of them."""

    def valid_value(self, value: Any) -> bool:
        """Leave it to the action."""
        return True


class SuggestInput(forms.TextInput):
    """A text with suggestions that the browser offers while somebody writes: the ``choices`` of an OfferedField."""

    template_name = "forms/suggest.html"
    choices: Iterable[tuple[str, Any]] = ()

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Django's, with the list."""
        context = super().get_context(name, value, attrs)
        if suggestions := [value for value, _ in self.choices]:
            context["widget"]["attrs"]["list"] = f"{context['widget']['attrs']['id']}_list"
            context["widget"]["suggestions"] = suggestions
        return context


@dataclass(frozen=True, slots=True)
class ChoiceLabel:
    """What a box or button says: its text, how many rows there are of it, and a line of help under it."""

    text: str
    rows: int | None = None
    help: str = ""

    def __str__(self) -> str:
        return self.text


class ChoiceBoxes(forms.CheckboxSelectMultiple):
    """Boxes drawn by ``templates/forms/choices.html``; ``layout`` is the class of what is around them.

    Labels are texts or :class:`ChoiceLabel`; groups get a heading. From ``scrolls_from`` boxes on the list scrolls by
    itself, and has to be reached by the keyboard. ``is_switch``: they look like switches, for one that stands alone.
    """

    template_name = "forms/choices.html"

    def __init__(
        self, *, layout: str = "", scrolls_from: int | None = None, is_switch: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.is_switch = is_switch
        self.layout = layout
        self.scrolls_from = scrolls_from

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Django's, with the layout."""
        context = super().get_context(name, value, attrs)
        count = sum(len(options) for _, options, _ in context["widget"]["optgroups"])
        context["widget"]["layout"] = self.layout
        context["widget"]["is_switch"] = self.is_switch
        context["widget"]["scrolls"] = self.scrolls_from is not None and count >= self.scrolls_from
        return context


class ChoiceButtons(forms.RadioSelect):
    """As :class:`ChoiceBoxes`, one of several."""

    template_name = "forms/choices.html"

    def __init__(self, *, layout: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layout = layout

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Django's, with the layout."""
        context = super().get_context(name, value, attrs)
        context["widget"]["layout"] = self.layout
        return context


class FormRenderer(TemplatesSetting):
    """Forms find their templates where pages do."""

    bound_field_class = BoundField
    field_template_name = "forms/field.html"
