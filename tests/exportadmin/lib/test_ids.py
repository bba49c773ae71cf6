"""Public identifiers are base 32 and depend on nothing but what they are made of."""

from __future__ import annotations

import base64
import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from exportadmin.lib.ids import LENGTH, derived_id, new_id


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_an_id_is_the_base_32_of_a_hash_of_its_parts(parts):
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=15).digest()
    assert derived_id(*parts) == base64.b32encode(digest).decode().lower()


def test_new_ids_have_the_same_form():
    made = {new_id() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[a-z2-7]{24}", each) and len(each) == LENGTH for each in made)
