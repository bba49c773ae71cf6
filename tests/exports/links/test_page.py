"""The page behind a link: what the file is, who shared it, how long; nothing else, and looking costs nothing."""

from __future__ import annotations

import re

import pytest

from exports.links import tokens
from exports.models import Download
from tests.exports.downloads.conftest import BODY
from tests.exports.downloads.support import file_path, issue
from tests.pages.squeezed import page_html

pytestmark = pytest.mark.django_db


def test_it_says_what_the_file_is_and_works_without_sign_in(client, artifact, alice):
    _, token = issue(artifact, alice, one_time=True)
    answer = client.get(tokens.paths_for(token)["url"])
    page = page_html(answer)
    assert answer.status_code == 200
    for words in (artifact.name, "alice", artifact.sha256, "10,240 bytes (10.2 kB)", "application/json"):
        assert words in page
    assert "for one download" in page
    (left,) = re.findall(r'data-seconds-left="(\d+)"', page)
    assert 3590 <= int(left) <= 3600
    assert re.search(r">(59 min 5\d s|60 min 0 s|1 h 0 min) left<", page)
    assert re.findall(r'class="btn[^"]*" href="([^"]+)"', page) == [file_path(token)]
    assert client.get(file_path(token)).getvalue() == BODY


def test_it_shows_nothing_else_also_to_somebody_signed_in(client, artifact, alice, mallory):
    _, token = issue(artifact, alice)
    client.force_login(mallory)
    page = page_html(client.get(tokens.paths_for(token)["url"]))
    assert artifact.report.project.name not in page
    assert artifact.report.report_id not in page
    assert artifact.report.location not in page
    assert "mallory" not in page
    hrefs = re.findall(r'href="([^"]+)"', page)
    assert [href for href in hrefs if not href.startswith("/static/")] == [
        "#content",
        file_path(token),
        tokens.paths_for(token)["url"] + "manifest.json",
        tokens.paths_for(token)["url"] + "verify.py",
    ]


def test_its_address_is_not_kept_or_passed_on(client, artifact, alice):
    _, token = issue(artifact, alice)
    headers = client.get(tokens.paths_for(token)["url"]).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    headers = client.get(file_path(token)).headers
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_looking_at_it_is_no_download(client, artifact, alice):
    _, token = issue(artifact, alice, one_time=True)
    for _ in range(3):
        assert client.get(tokens.paths_for(token)["url"]).status_code == 200
        assert client.head(tokens.paths_for(token)["url"]).status_code == 200
    assert not Download.objects.exists()


def test_a_name_that_is_markup_is_text(client, artifact, alice):
    artifact.name = "<b>x.json"
    artifact.save()
    _, token = issue(artifact, alice)
    page = page_html(client.get(tokens.paths_for(token)["url"]))
    assert "&lt;b&gt;x.json" in page
    assert "<b>x.json" not in page
