"""What a platform offers to be chosen, as a browser has it before anybody chose."""

from __future__ import annotations

import pytest
from django import forms

from connections.platforms import PLATFORMS
from connections.platforms.base import RemoteOption
from connections.platforms.options import option_field

CHOSEN = [
    (key, option)
    for key, platform in PLATFORMS.items()
    for option in (*platform.remote_options, *platform.mirror_options)
    if option.choices and not option.many and {value for value, _ in option.choices} != {"no", "yes"}
]


@pytest.mark.parametrize(("platform", "option"), CHOSEN, ids=[f"{key}-{option.name}" for key, option in CHOSEN])
def test_a_list_of_choices_begins_with_what_asks_for_nothing(platform: str, option: RemoteOption):
    field = option_field(option)
    assert isinstance(field, forms.ChoiceField)
    first = field.choices[0][0]  # type: ignore[index]
    assert first == ("local" if (platform, option.name) == ("labellerr", "destination") else "")
