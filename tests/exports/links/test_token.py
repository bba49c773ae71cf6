"""Only the very address that was handed out opens a link, and only while its row says what was signed."""

from __future__ import annotations

import string
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from exportadmin.audit import noise
from exportadmin.lib.errors import GoneError, UserError
from exports.links import tokens
from exports.models import Artifact, Download, Link
from tests.exports.downloads.support import actor, fetch, file_path, issue, trail

URL_SAFE = string.ascii_letters + string.digits + "-_"
LENGTH = 24 + 1 + 43


def changed(token: str, place: int) -> list[str]:
    """Other letters at ``place``: its neighbours in base64 (the last one carries bits that decode to nothing), too."""
    old = token[place]
    near = URL_SAFE[(URL_SAFE.find(old) + 1) % 64], URL_SAFE[(URL_SAFE.find(old) - 1) % 64]
    return [token[:place] + new + token[place + 1 :] for new in {*near, old.swapcase(), ".", "é", "\x00", " "} - {old}]


@pytest.mark.parametrize("place", range(LENGTH))
def test_every_changed_byte_is_refused(db, artifact, alice, place):
    _, token = issue(artifact, alice)
    assert len(token) == LENGTH
    for wrong in [*changed(token, place), token[:place] + token[place + 1 :], token[:place] + "a" + token[place:]]:
        if wrong == token:
            continue
        with pytest.raises(tokens.LinkNotFoundError) as refusal:
            tokens.open_link(wrong, actor(alice))
        assert refusal.value.reason == "unknown"
    assert tokens.open_link(token, actor(alice)).artifact == artifact


def test_every_changed_byte_is_a_404_on_the_wire(server, artifact, alice):
    _, token = issue(artifact, alice)
    for place in range(LENGTH):
        wrong = token[:place] + ("x" if token[place] != "x" else "y") + token[place + 1 :]
        assert fetch(server, file_path(wrong))[0] == 404
    assert not Download.objects.exists()
    assert len(trail("link.refused")) == noise.SINGLE, "the others are counted"
    assert fetch(server, file_path(token))[0] == 200


@pytest.mark.parametrize("token", ["", ".", "a", "x" * LENGTH, "a" * 24 + "." + "A" * 43, "a" * 24, "A" * 100_000])
def test_what_was_never_handed_out_is_unknown(db, artifact, alice, token):
    with pytest.raises(tokens.LinkNotFoundError):
        tokens.open_link(token, actor(alice))


def test_the_secret_of_one_link_does_not_open_another(db, artifact, alice):
    (one, first), (_, second) = issue(artifact, alice), issue(artifact, alice)
    assert first.split(".")[1] != second.split(".")[1]
    with pytest.raises(tokens.LinkNotFoundError):
        tokens.open_link(f"{one.public_id}.{second.split('.')[1]}", actor(alice))


@pytest.mark.parametrize("field", ["artifact", "expires_at", "one_time", "for_user", "created_by_name", "public_id"])
def test_a_row_that_was_altered_opens_nothing_and_the_trail_knows_the_link(project, artifact, big, alice, oscar, field):
    link, token = issue(artifact, alice, one_time=True, for_user=alice)
    value = {
        "artifact": big,
        "expires_at": link.expires_at + timedelta(microseconds=1),
        "one_time": False,
        "for_user": None,
        "created_by_name": "oscar",
        "public_id": "b" * 24,
    }[field]
    Link.objects.filter(pk=link.pk).update(**{field: value})
    if field == "public_id":
        token = f"{value}.{token.split('.')[1]}"
    with pytest.raises(tokens.LinkNotFoundError):
        tokens.open_link(token, actor(alice))
    (entry,) = trail("link.refused")
    assert (entry.reason, entry.details["note"]) == ("unknown", "the address does not fit the link")
    assert entry.object_id == (big if field == "artifact" else artifact).public_id


def test_neither_the_secret_nor_the_token_is_kept_anywhere(db, artifact, alice):
    link, token = issue(artifact, alice)
    with pytest.raises(tokens.LinkNotFoundError):
        tokens.open_link(token[:-1] + ("A" if token[-1] != "A" else "B"), actor(alice))
    with pytest.raises(tokens.LinkNotFoundError):
        tokens.open_link(token[:-1], actor(alice))
    secret = token.split(".")[1]
    kept = str(Link.objects.values().get(pk=link.pk)) + "".join(str(entry.__dict__) for entry in trail("link.refused"))
    assert secret[:20] not in kept


def test_a_new_key_ends_all_links_unless_the_old_one_is_kept_as_a_fallback(db, artifact, alice, settings):
    _, token = issue(artifact, alice)
    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[old]):
        assert tokens.open_link(token, actor(alice))
    with override_settings(SECRET_KEY="n" * 50), pytest.raises(tokens.LinkNotFoundError):
        tokens.open_link(token, actor(alice))


@pytest.mark.parametrize("seconds", [59, 0, -1, 30 * 86400 + 1, True, 60.0, "3600", None])
def test_a_link_lasts_a_minute_to_thirty_days(db, artifact, alice, seconds):
    with pytest.raises(UserError, match=r"60 to 2592000 seconds") as refusal:
        issue(artifact, alice, seconds=seconds)
    assert refusal.value.field == "seconds"
    assert not Link.objects.exists()


@pytest.mark.parametrize("seconds", [60, 30 * 86400])
def test_the_shortest_and_the_longest_link(db, artifact, alice, seconds):
    link, token = issue(artifact, alice, seconds=seconds)
    assert seconds - 5 <= tokens.open_link(token, actor(alice)).seconds_left <= seconds
    assert (link.created_by, link.created_by_name) == (alice, "alice")


def test_no_link_is_made_to_a_file_that_was_removed(db, artifact: Artifact, alice):
    artifact.report.files_removed_at = timezone.now()
    with pytest.raises(GoneError, match="has been removed"):
        issue(artifact, alice)
