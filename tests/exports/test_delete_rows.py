"""Rows are deleted: who may, which ones, what stays of them, and what exports and imports make of it afterwards."""

from __future__ import annotations

import json

import pytest

from connections.store.models import StoreCoco, StoreCsv, StoreRow, StoreTombstone
from connections.store.overview import changes_since
from connections.store.removal import Removal
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exports import actions
from exports.results.staleness import changes_text
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import box, mixed, row

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def filled(project):
    write_rows(project, mixed(40))
    return project


def delete(project, reason="taken back", actor=SHELL, dry_run=False, **body):
    return actions.delete_rows(project=project, body=body, reason=reason, actor=actor, dry_run=dry_run)


def keys(project):
    return set(StoreRow.objects.filter(project=project).values_list("global_key", flat=True))


def export(project, **conditions):
    spec = ExportSpec.parse({"format": "ndjson", "filter": conditions}, project)
    return actions.run_now(project=project, spec=spec, actor=SHELL)


def lines(report):
    (artifact,) = report.artifacts.all()
    return [json.loads(line) for line in (delivery_folder(report) / artifact.name).read_text().splitlines()]


def as_user(user):
    return Actor(kind="user", name=user.get_username(), channel="rest", user_id=user.pk)


# --- bad days --------------------------------------------------------------------------------------------------------


def test_only_an_admin_of_the_project_deletes_rows(members, oscar, rita, mallory, alice):
    write_rows(members, mixed(5))
    for user, refusal in ((oscar, DeniedError), (rita, DeniedError), (mallory, NotFoundError)):
        for dry_run in (False, True):
            with pytest.raises(refusal):
                delete(members, actor=as_user(user), dry_run=dry_run, global_keys=["row-00001"])
    assert len(keys(members)) == 5
    assert delete(members, actor=as_user(alice), global_keys=["row-00001"]).deleted == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "filter"),
        ({"filter": {}}, "filter"),
        ({"filter": {"statuses": None}}, "filter"),
        ({"filter": {"nosuch": 1}}, "filter"),
        ({"filter": ["row-00001"]}, "filter"),
        ({"filter": {"since_revision": "nosuch"}}, "filter.since_revision"),
        ({"ids": []}, "ids"),
        ({"ids": ["a"], "global_keys": ["b"]}, "filter"),
        ({"global_keys": "row-00001"}, "global_keys"),
        ({"global_keys": ["\x00"]}, "global_keys"),
        ({"global_keys": ["k"] * 2001}, "global_keys"),
    ],
)
def test_what_selects_nothing_or_everything_is_refused(filled, body, field):
    with pytest.raises(UserError) as refused:
        delete(filled, **body)
    assert refused.value.field == field
    assert len(keys(filled)) == 40


@pytest.mark.parametrize("reason", ["", "  ", "r" * 501, "\x00"])
def test_a_reason_is_needed(filled, reason):
    with pytest.raises(UserError) as refused:
        delete(filled, reason=reason, global_keys=["row-00001"])
    assert refused.value.field == "reason"
    assert len(keys(filled)) == 40


def test_a_row_that_was_written_since_it_was_found_stays(filled):
    """Somebody imports between the finding and the deletion: the row may not be what was meant any more."""
    removal = Removal(filled, seen=1, reason="r", deleted_by="alice")
    pks = list(StoreRow.objects.order_by("pk").values_list("pk", flat=True)[:3])
    write_rows(filled, [row("row-00001", box("tram"))])
    removal.remove(pks)
    assert (removal.deleted, removal.kept) == (2, 1)
    assert "row-00001" in keys(filled)


def test_a_deletion_that_breaks_half_way_says_in_the_trail_how_far_it_came(filled, monkeypatch):
    monkeypatch.setattr("connections.store.removal.BATCH", 15)
    real = Removal.remove

    def breaks(self, pks):
        if self.deleted:
            raise RuntimeError("the power went")
        real(self, pks)

    monkeypatch.setattr(Removal, "remove", breaks)
    with pytest.raises(RuntimeError):
        delete(filled, filter={"since_revision": 0})
    assert len(keys(filled)) == 25
    (entry,) = AuditEntry.objects.filter(event="rows.deleted")
    assert (entry.outcome, entry.reason, entry.details["rows"]) == ("failed", "the power went", 15)


# --- good days -------------------------------------------------------------------------------------------------------


def test_rows_go_with_all_that_belongs_to_them_and_a_tombstone_stays(filled):
    gone = StoreRow.objects.get(global_key="row-00007")
    done = delete(filled, global_keys=["row-00007", "nosuch"])
    assert (done.deleted, done.selected.missing, done.revision) == (1, ("nosuch",), 2)
    assert keys(filled) == {f"row-{n:05d}" for n in range(40)} - {"row-00007"}
    assert StoreCoco.objects.count() == StoreCsv.objects.count() == 39
    (tombstone,) = StoreTombstone.objects.all()
    assert (tombstone.global_key, tombstone.row_id) == ("row-00007", gone.row_id)
    assert (tombstone.added_revision, tombstone.revision) == (1, 2)
    assert (tombstone.deleted_by, tombstone.reason) == ("tester", "taken back")
    assert delete(filled, ids=[StoreRow.objects.get(global_key="row-00008").row_id]).deleted == 1


def test_a_filter_selects_as_it_does_for_an_export(filled):
    spec = ExportSpec.parse(
        {"format": "ndjson", "filter": {"statuses": ["accepted"], "with_annotations": True}}, filled
    )
    expected = plan(filled, spec)
    body = {"filter": {"statuses": ["accepted"], "with_annotations": True}}
    found = delete(filled, dry_run=True, reason="", **body)
    assert (found.deleted, len(keys(filled))) == (0, 40)
    assert (len(found.selected.pks), found.selected.annotations) == (expected["rows_kept"], expected["annotations"])
    assert found.selected.by_status == {"accepted": expected["rows_kept"]}
    assert delete(filled, **body).deleted == expected["rows_kept"] > 0
    assert plan(filled, spec)["rows_kept"] == 0
    assert not AuditEntry.objects.filter(event="rows.deleted").exclude(outcome="done").exists()


def test_the_trail_has_one_entry_with_counts_and_condition(filled, monkeypatch):
    monkeypatch.setattr("connections.store.removal.BATCH", 15)
    delete(
        filled, reason="wrong camera", filter={"since_revision": 0, "global_keys": [f"row-{n:05d}" for n in range(35)]}
    )
    (entry,) = AuditEntry.objects.filter(event="rows.deleted")
    assert entry.details == {
        "by": {"since_revision": 0, "global_keys": 35},
        "kept": 0,
        "rows": 35,
        "selected": 35,
        "why": "wrong camera",
    }
    assert sentence(entry) == f"tester deleted 35 rows of project {filled.name}: wrong camera"
    assert len(keys(filled)) == 5


def test_increments_count_the_rows_that_were_deleted_since(filled):
    first = export(filled)
    delete(filled, global_keys=["row-00001", "row-00002"])
    write_rows(filled, [row("short", box())])
    delete(filled, global_keys=["short"])  # came and went since: nobody misses it
    second = export(filled, since_revision=first.report_id)
    assert (second.check_values["rows_kept"], second.check_values["removed_since"]) == (0, 2)
    spec = ExportSpec.parse({"format": "ndjson", "filter": {"since_revision": first.revision}}, filled)
    assert plan(filled, spec)["removed_since"] == 2
    changes = changes_since(filled.public_id, first.revision)
    assert (changes.added, changes.changed, changes.removed) == (0, 0, 2)
    assert changes_text(changes) == "2 rows were deleted"
    assert export(filled, since_revision=second.revision).check_values["removed_since"] == 0


def test_a_row_that_comes_again_is_a_new_one_and_its_tombstone_goes(filled):
    first = export(filled)
    delete(filled, global_keys=["row-00001"])
    write_rows(filled, [row("row-00001", box())])
    assert not StoreTombstone.objects.exists()
    second = export(filled, since_revision=first.revision)
    assert [line["data_row"]["global_key"] for line in lines(second)] == ["row-00001"]
    assert second.check_values["removed_since"] == 0
    numbers = list(StoreRow.objects.values_list("number", flat=True))
    assert len(numbers) == len(set(numbers)) == 40


def test_nothing_selected_deletes_nothing_and_raises_no_revision(filled):
    done = delete(filled, global_keys=["nosuch"])
    assert (done.deleted, done.revision, done.selected.missing) == (0, None, ("nosuch",))
    filled.store.refresh_from_db()
    assert filled.store.revision == 1
