"""One export a request, however often it is sent; a wait that was none is told of; rights are asked first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from connections.access.tokens import issue_token
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exports.dialects.diffgram import views
from exports.models import ExportReport
from exports.run import waiting
from tests.exports.dialects.diffgram.conftest import Site, make, too_slow
from tests.exports.dialects.diffgram.sdk import DiffgramError
from tests.exports.dialects.diffgram.test_sdk_scripts import job_named
from tests.rest.world import SHELL
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_same_request_again_is_the_same_export_waited_for_or_not(site: Site):
    client, asked = site.client(begin=False), {"source": "directory", "ann_is_complete": True}
    first = client.generate_export(None, **asked, wait_for_export_generation=False)
    second = client.generate_export(None, **asked, wait_for_export_generation=False)
    assert second.id == first.id
    assert client.generate_export(None, **asked)["export_info"]["id"] == first.id
    assert client.generate_export(None, **asked, wait_for_export_generation=False).status == "complete"
    assert ExportReport.objects.count() == 1
    assert AuditEntry.objects.filter(event="export.requested").count() == 1


def test_what_is_another_request_is_another_export(site: Site, oscar: User):
    client = site.client(begin=False)

    def asked(client: Any = client, **more: Any) -> int:
        return int(client.generate_export(**{"source": "directory", "wait_for_export_generation": False} | more).id)

    first = asked()
    ids = {first, asked(ann_is_complete=True), asked(source="job", job_id=job_named(site, "b1")["id"])}
    token, key = issue_token(user=oscar, name="other", scopes=["admin"], actor=SHELL)
    ids.add(asked(site.client(begin=False, client_id=token.public_id, client_secret=key)))
    assert len(ids) == 4
    write_rows(site.project, [row("one.jpg", box("dog"), status="accepted", batch_id="b1")], now_ms=1_700_000_000_009)
    again = asked()
    assert again not in ids
    client.post(f"/api/walrus/project/{site.project.public_id}/export/update", {"id": again, "mode": "ARCHIVE"})
    last = asked()
    assert last not in {*ids, again}, "one that was archived is in no list"
    assert asked() == last


def info_of(refused: pytest.ExceptionInfo[DiffgramError]) -> str:
    text, status = refused.value.args
    log = json.loads(text)["log"]
    assert (status, log["error"], log["export"]["status"]) == (400, {"export": "Export not ready yet."}, "init")
    return str(log["info"]["wait"])


def test_a_second_wait_of_one_token_is_none_and_says_so(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(views, "wait_for_end", waiting.wait_for_end)
    monkeypatch.setattr(waiting, "WAITERS", {f"token:{site.token.user_id}:{site.token.pk}"})
    with pytest.raises(DiffgramError) as refused:
        site.client(begin=False).generate_export(None, source="directory")
    assert info_of(refused).startswith("nobody waited, as this token waits for an export already")
    make(ExportReport.objects.get().pk)
    assert site.client(begin=False).generate_export(None, source="directory")["export_info"]["file_list_length"] == 4


def test_one_that_takes_too_long_says_that_it_was_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(views, "wait_for_end", too_slow)
    with pytest.raises(DiffgramError) as refused:
        site.client(begin=False).generate_export(None, source="directory")
    assert info_of(refused).startswith("not made within 50 seconds; it goes on")


def test_one_that_failed_is_not_told_to_go_on(site: Site):
    StoreRow.objects.update(status="review")
    with pytest.raises(DiffgramError) as refused:
        site.client(begin=False).generate_export(None, source="directory", ann_is_complete=True)
    assert json.loads(refused.value.args[0])["log"]["info"] == {}


@pytest.mark.parametrize("return_type", ["url", None])
def test_whoever_may_issue_no_link_is_refused_before_anything_is_made(site: Site, oscar: User, return_type: str | None):
    token, key = issue_token(user=oscar, name="no links", scopes=["exports:read", "exports:run"], actor=SHELL)
    client = site.client(begin=False, client_id=token.public_id, client_secret=key)
    with pytest.raises(DiffgramError, match="Invalid Permission"):
        client.generate_export(None, source="directory", return_type=return_type)
    assert not ExportReport.objects.exists()
    assert AuditEntry.objects.filter(event="link.issued", outcome="refused").count() == 1
    assert client.generate_export(None, source="directory")["export_info"]["file_list_length"] == 4
