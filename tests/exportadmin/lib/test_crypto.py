"""Values are encrypted by the first key, read by every key of the ring, and only where they stand."""

from __future__ import annotations

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.lib import crypto
from exportadmin.lib.crypto import Place, UndecryptableError, decrypt, encrypt, key_id
from exportadmin.lib.env import new_secret


@pytest.fixture(autouse=True)
def ring_of_the_environment(settings):
    """No file of the installation's own takes part."""
    settings.ENCRYPTION_KEY_FILE = None


PLACE = Place("table", "row", "field")
CANARY = "canary-5f1c2a"


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=200))
def test_what_was_encrypted_comes_back(text):
    assert decrypt(encrypt(text, PLACE), PLACE) == text


def test_the_value_holds_nothing_of_it_and_is_another_one_each_time():
    values = {encrypt(CANARY, PLACE) for _ in range(20)}
    assert len(values) == 20
    assert not any(CANARY in value or base64.b64encode(CANARY.encode()).decode()[:12] in value for value in values)
    assert all(value.isascii() for value in values)


@pytest.mark.parametrize(
    "other", [Place("tables", "row", "field"), Place("table", "ro", "field"), Place("table", "row", "f")]
)
def test_elsewhere_it_is_not_readable(other):
    with pytest.raises(UndecryptableError, match="moved there"):
        decrypt(encrypt(CANARY, PLACE), other)


def test_no_byte_of_it_can_be_changed():
    prefix, _, sealed = encrypt(CANARY, PLACE).rpartition(":")
    raw = base64.urlsafe_b64decode(sealed)
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(UndecryptableError):
            decrypt(f"{prefix}:{base64.urlsafe_b64encode(changed).decode()}", PLACE)
        with pytest.raises(UndecryptableError):
            decrypt(f"{prefix}:{base64.urlsafe_b64encode(raw[:at]).decode()}", PLACE)


def test_the_first_key_encrypts_and_all_of_them_read(settings):
    old, new = new_secret(), new_secret()
    settings.ENCRYPTION_KEYS = [old]
    by_old = encrypt(CANARY, PLACE)
    settings.ENCRYPTION_KEYS = [new, old]
    by_new = encrypt(CANARY, PLACE)
    assert [decrypt(value, PLACE) for value in (by_old, by_new)] == [CANARY, CANARY]
    assert (key_id(by_new), key_id(by_old)) == crypto.known_key_ids()
    settings.ENCRYPTION_KEYS = [new]
    with pytest.raises(UndecryptableError, match=rf"its key '{key_id(by_old)}' is not in EXPORTADMIN_ENCRYPTION_KEY"):
        decrypt(by_old, PLACE)


@pytest.mark.parametrize(
    "value", ["", CANARY, "aes256gcm", "aes256gcm:", "aes256gcm:12345678", "aes256gcm:1:x", "v1:12345678:AA"]
)
def test_what_is_no_encrypted_value_is_refused_without_being_shown(value):
    with pytest.raises(UndecryptableError, match="it is no encrypted value") as refused:
        decrypt(value, PLACE)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("sealed", ["", "A", "!!!!", "ä", "AAAA"])
def test_a_damaged_value_is_an_error_in_words(sealed):
    damaged = f"aes256gcm:{crypto.known_key_ids()[0]}:{sealed}"
    with pytest.raises(UndecryptableError, match="it was changed since it was stored"):
        decrypt(damaged, PLACE)


def test_without_a_key_nothing_is_encrypted(settings):
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="EXPORTADMIN_ENCRYPTION_KEY"):
        encrypt(CANARY, PLACE)
