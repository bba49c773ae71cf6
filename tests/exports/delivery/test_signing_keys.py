"""The keys that sign manifests: one signs, older ones stay known, and a message is signed for one purpose."""

from __future__ import annotations

import json
import os

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from exportadmin.audit.models import AuditEntry
from exportadmin.lib import signing
from exportadmin.lib.signing import PublicKey, SigningKey, installation_key, known_keys
from tests.support.shell import Installation

KEY = "Q" * 43


def test_a_signature_is_of_its_key_its_purpose_and_its_message():
    key = SigningKey(KEY)
    signature = key.sign("one", b"message")
    assert key.public.has_signed("one", b"message", signature)
    assert not key.public.has_signed("two", b"message", signature)
    assert not key.public.has_signed("one", b"messagE", signature)
    assert not key.public.has_signed("one", b"message", signature[:-1] + ("0" if signature[-1] != "0" else "1"))
    assert not SigningKey("R" * 43).public.has_signed("one", b"message", signature)
    assert not PublicKey("ff" * 32).has_signed("one", b"message", signature)


def test_the_same_text_is_the_same_key_in_every_version():
    """What was signed years ago must stay known by the same text."""
    assert SigningKey(KEY).public.text == "867bfa62892ca504b170e5b82ee2d1e17bb6992e84194265a4ea20ec47f56d26"
    assert SigningKey(KEY).public.key_id == "f3bba81260c6c29f"


def test_the_first_key_signs_and_all_are_known(settings):
    older = SigningKey("R" * 43).public
    settings.SIGNING_KEYS = [KEY, f"public:{older.text}", "S" * 43]
    assert installation_key().public == SigningKey(KEY).public
    assert known_keys() == (SigningKey(KEY).public, older, SigningKey("S" * 43).public)


@pytest.mark.parametrize("keys", [[], ["short"], [f"public:{'0f' * 32}"], [KEY, "public:0f"]])
def test_nothing_is_signed_with_what_is_no_key(settings, keys):
    settings.SIGNING_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="EXPORTADMIN_SIGNING_KEY"):
        installation_key()


def test_a_key_that_is_set_is_rotated_where_it_is_set(settings, monkeypatch, transactional_db):
    monkeypatch.setitem(os.environ, "EXPORTADMIN_SIGNING_KEY", KEY)
    settings.SIGNING_KEYS = [KEY]
    with pytest.raises(CommandError, match=f"put a new key in front there, and public:{SigningKey(KEY).public.text}"):
        call_command("signing_keys", rotate=True)


def test_a_kept_key_is_rotated_and_the_old_one_stays_known(installation: Installation):
    def keys(*flags: str) -> list[dict[str, str]]:
        done = installation.run("signing_keys", "--json", *flags)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    (first,) = keys()
    assert signing.PublicKey(first["public_key"]).key_id == first["key_id"]
    rotated = keys("--rotate")
    assert rotated[1:] == [first]
    assert rotated[0] != first
    assert keys() == rotated
    kept = installation.home / "keys" / "signing_key"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert len(kept.read_text().split()) == 2


@pytest.mark.django_db
def test_a_rotation_is_recorded_without_the_secret(settings, tmp_path):
    settings.EXPORTADMIN_HOME, settings.SIGNING_KEYS = tmp_path, [KEY]
    (tmp_path / "keys").mkdir()
    call_command("signing_keys", rotate=True)
    secret = (tmp_path / "keys" / "signing_key").read_text().split()[0]
    entry = AuditEntry.objects.get(event="signing_key.rotated")
    assert json.loads(entry.details_json) == {
        "key_id": SigningKey(secret).public.key_id,
        "old_id": SigningKey(KEY).public.key_id,
    }
