"""Rows by their medium, in every channel: the shell's flag is given several times, the form offers what there is."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from connections.access.tokens import issue_token
from connections.models import Project
from connections.store.upsert import write_rows
from tests.rest.world import SHELL, Rest
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)
MEDIA = ("image", "video", "audio", "point_cloud")


@pytest.fixture
def filled(members: Project, settings: Any, tmp_path: Any) -> Project:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    cache.clear()
    rows = mixed(10)
    for index, row in enumerate(rows):
        row.media_attributes = {"asset_type": MEDIA[index % 4]}
    write_rows(members, rows, now_ms=1_000)
    return members


def test_rest_plans_by_medium_and_counts_them(filled: Project, alice: Any):
    script = Rest(issue_token(user=alice, name="script", scopes=("admin",), actor=SHELL)[1])
    body = {"project": filled.public_id, "format": "ndjson"}
    whole = script.post("reports/plan/", body).json()
    assert whole["rows_by_media_type"] == {"audio": 2, "image": 3, "unknown": 2, "video": 3}
    some = script.post("reports/plan/", {**body, "filter": {"media_types": ["video", "unknown"]}}).json()
    assert (some["rows_kept"], some["rows_dropped"]) == (5, {"media_types": 5})
    assert [(one["key"], one["applied"]) for one in some["conditions"]] == [("media_types", "pushed_down")]


def test_the_shell_takes_several_and_none(filled: Project, tmp_path: Any):
    out = StringIO()
    flags = ["--media-type", "audio", "--media-type", "video"]
    call_command("run_export", filled.name, "--format", "ndjson", "--output", str(tmp_path / "a"), *flags, stdout=out)
    call_command("run_export", filled.name, "--format", "ndjson", "--output", str(tmp_path / "b"), stdout=out)
    assert "10 rows read = 5 kept + 5 dropped (media_types 5)" in out.getvalue()
    assert "10 rows read = 10 kept + 0 dropped" in out.getvalue()


def test_the_form_offers_the_media_that_there_are(filled: Project, alice: Any):
    client = Client()
    client.force_login(alice)
    page = client.get("/exports/new/", {"project": filled.public_id, "media_types": "html"}).content.decode()
    offered = re.findall(r'name="media_types"\s+value="(\w+)"', page)
    assert offered == ["image", "video", "audio", "html", "unknown"]
