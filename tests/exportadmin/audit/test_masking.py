"""No secret in what is kept: words instead of values, by name and by look."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.lib.masking import Masked, looks_secret, mask, scrub, scrub_text

SECRET = "hunter2-Xq9zzzzzzzzz"


@pytest.mark.parametrize(
    ("before", "after", "states"),
    [
        ("a", "b", ("set", "changed")),
        ("a", "a", ("set", "unchanged")),
        ("", "a", ("not set", "set")),
        (None, "a", ("not set", "set")),
        ("a", "", ("set", "not set")),
        ("", "", ("not set", "not set")),
    ],
)
def test_a_secret_becomes_a_word(before, after, states):
    was, now = mask({"pass_code_x": before, "name": "n"}, {"pass_code_x": after, "name": "m"}, ["pass_code_x"])
    assert was is not None and now is not None
    assert (was["pass_code_x"], now["pass_code_x"]) == states
    assert (was["name"], now["name"]) == ("n", "m")


def test_a_thing_that_was_not_or_is_not_any_more_stays_none():
    assert mask(None, {"password": SECRET}) == (None, {"password": "set"})
    assert mask({"password": SECRET}, None) == ({"password": "set"}, None)
    assert mask(None, None) == (None, None)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Password",
        "db_password",
        "apiKey",
        "API-Key",
        "api_key",
        "x-api-key",
        "token",
        "accessToken",
        "X-Amz-Signature",
        "Authorization",
        "client_secret",
        "secret",
        "AWS_SECRET_ACCESS_KEY",
        "private_key",
        "Set-Cookie",
        "credentials",
        "refresh_token",
        "smtp.password",
        "encryptionKey",
        "jwt",
        "passphrase",
        "dsn",
        "otp",
        "sig",
        "sas",
        "blob_sas",
    ],
)
def test_names_that_look_secret(name):
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "token_id",
        "token_name",
        "token_prefix",
        "secret_names",
        "has_password",
        "global_key",
        "global_keys",
        "key",
        "storage_key",
        "idempotency_key",
        "tokenizer",
        "secretary",
        "spinner",
        "sigma",
        "design",
        "sasquatch",
        "author",
        "password_changed_at",
        "monkey",
        "signature_count",
        "format",
    ],
)
def test_names_that_do_not(name):
    assert not looks_secret(name)


def everywhere(secret):
    """A structure with the secret in every kind of place."""
    leaf = st.sampled_from(
        [{"password": secret}, {"apiKey": [secret]}, {"Authorization": {"deep": secret}}, 1, None, "x"]
    )
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    )


@given(everywhere(SECRET), everywhere(SECRET + "2"))
def test_no_secret_survives_at_any_depth(before, after):
    kept = mask({"x": before}, {"x": after})
    assert SECRET not in json.dumps(kept)
    assert SECRET not in json.dumps(scrub([before, after]))


def test_masking_twice_changes_nothing():
    kept = mask({"token": "a", "n": 1}, {"token": "b", "n": 2})
    assert mask(*kept) == kept


def test_a_secret_that_reads_like_one_of_the_words_is_masked_all_the_same():
    assert scrub({"password": "changed"}) == {"password": "set"}
    assert isinstance(scrub({"password": "changed"})["password"], Masked)


@pytest.mark.parametrize(
    "text",
    [
        f"https://bob:{SECRET}@host/x",
        f"postgresql://{SECRET}@/db",
        f"GET https://h/x?X-Amz-Signature={SECRET}&a=1",
        f"https://bob:p@{SECRET}@host/",
        f"Authorization: Bearer {SECRET}",
        f"authorization=Token {SECRET}",
        f"bearer {SECRET}",
        f"refused: password={SECRET}",
        f'{{"api_key": "{SECRET}"}}',
        f"x#access_token={SECRET}",
        f"https://acct.blob.core.windows.net/c/f.json?sv=2024-11-04&sig={SECRET}&se=2026-12-01",
        f"https://h/x?sas={SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    ],
)
def test_credentials_in_running_text_are_hidden(text):
    assert SECRET not in scrub_text(text)
    assert "***" in scrub_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://host/x?page=2&format=json",
        "token ci-nightly has expired",
        "password: must have 12 characters",
        "mail bob@example.org",
        "basic statistics of the rows",
        "file:/run/secrets/x",
        "env:API_KEY",
        "1 of 3 rows refused",
    ],
)
def test_plain_words_stay(text):
    assert scrub_text(text) == text


@given(st.text(max_size=300))
def test_scrubbing_text_is_final(text):
    once = scrub_text(text)
    assert scrub_text(once) == once
