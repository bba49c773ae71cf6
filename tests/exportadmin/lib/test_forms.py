"""Forms: one template for every field, what is wrong is tied to its input, and nothing unknown is taken."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms
from django.http import QueryDict

from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceBoxes, ChoiceButtons, ChoiceLabel, Form, TextField


class Boat(Form):
    """One field of each kind."""

    name = TextField(label="Name", max_length=5, help_text="As on the <hull>.")
    log = TextField(label="Log", lines=3, required=False)
    colour = forms.ChoiceField(label="Colour", choices=[("r", "red"), ("b", "blue")], required=False)
    crew = forms.MultipleChoiceField(
        label="Crew",
        choices=[(ChoiceLabel("Deck", 2), [("a", ChoiceLabel("Ann", 2, "Cook")), ("b", ChoiceLabel("Bo", 0))])],
        widget=ChoiceBoxes(layout="columns", scrolls_from=2),
        required=False,
    )
    rig = forms.ChoiceField(
        label="Rig", choices=[("", "none"), ("s", "sloop")], widget=ChoiceButtons(layout="row"), required=False
    )
    sunk = forms.BooleanField(label="Sunk", required=False)


def drawn(form: Form, name: str) -> str:
    return re.sub(r"\s+", " ", form[name].as_field_group())


def sent(text: str) -> Any:
    form = Boat(QueryDict(text))
    form.check_names()
    return form


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name=a&mast=1", "unknown parameter 'mast'; known: name, log, colour, crew, rig, sunk"),
        ("name=a&name=b", "name was given 2 times; expected once"),
        ("name=a&rig=s&rig=", "rig was given 2 times; expected once"),
    ],
)
def test_an_input_that_is_unknown_or_doubled_is_refused(text: str, message: str):
    with pytest.raises(UserError, match=re.escape(message)):
        sent(text)
    assert sent("name=a&crew=a&crew=b&csrfmiddlewaretoken=x&next=/&do=go").is_valid()


def test_what_is_wrong_stands_under_its_input_and_is_tied_to_it():
    form = sent("name=<b>names</b>")
    page = drawn(form, "name")
    assert 'class="form-control is-invalid"' in page
    assert 'aria-invalid="true" aria-describedby="name_helptext name_error"' in page
    assert '<p class="ea-field-help" id="name_helptext">As on the &lt;hull&gt;.</p>' in page
    assert re.search(r'id="name_error"><strong[^>]*>Wrong: </strong>12 characters; at most 5 are kept\.</p>', page)
    assert 'value="&lt;b&gt;names&lt;/b&gt;"' in page


@pytest.mark.parametrize(("text", "message"), [("a\x00", "It holds U+0000"), ("\ud800", "half a character")])
def test_a_text_that_cannot_be_stored_is_refused(text: str, message: str):
    form = Boat({"name": text})  # type: ignore[arg-type]
    assert message in form.errors["name"][0]


def test_a_right_input_has_an_empty_line_that_a_note_may_fill():
    form = sent("name=Ann")
    assert 'id="name_error"></p>' in drawn(form, "name")
    form.notes = {"name": "2 < 3 others have it"}  # type: ignore[attr-defined]
    assert 'id="name_error">2 &lt; 3 others have it</p>' in drawn(form, "name")
    assert "aria-invalid" not in drawn(form, "name")


def test_boxes_and_buttons_are_fieldsets_with_groups_counts_and_help():
    form = sent("name=Ann&crew=b&rig=s")
    crew, rig = drawn(form, "crew"), drawn(form, "rig")
    assert (
        '<fieldset class="ea-field" id="crew" tabindex="-1" aria-describedby="crew_error"> <legend>Crew</legend>'
        in crew
    )
    assert 'class="columns" tabindex="0" role="group" aria-label="Crew"' in crew
    assert (
        '<div role="group" aria-label="Deck" class="ea-choice-group"> <p>Deck <span class="ea-quiet">2</span></p>'
        in crew
    )
    assert re.findall(r'value="(\w*)"( checked)?', crew) == [("a", ""), ("b", " checked")]
    assert 'aria-describedby="crew_0_0_helptext"' in crew and 'id="crew_0_0_helptext">Cook</p>' in crew
    assert 'class="form-check ea-choice-none"' in crew
    assert re.findall(r'type="radio" name="rig" value="(\w*)"( checked)?', rig) == [("", ""), ("s", " checked")]
    assert 'tabindex="0"' not in rig


def test_each_kind_of_input_has_its_label_and_class():
    form = sent("name=Ann")
    assert '<label class="form-label" for="log">Log</label> <textarea name="log"' in drawn(form, "log")
    assert 'class="form-select"' in drawn(form, "colour")
    assert '<label class="form-check"><input type="checkbox" name="sunk"' in drawn(form, "sunk")
    assert all(f'id="{name}_error"' in drawn(form, name) for name in form.fields)


def test_inputs_of_other_types_look_like_texts():
    class Crew(Form):
        email = forms.EmailField(label="Email", required=False)
        password = forms.CharField(label="Password", required=False, widget=forms.PasswordInput)

    assert all('class="form-control"' in drawn(Crew(), name) for name in ("email", "password"))
