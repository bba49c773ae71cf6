"""An installation in which every text that somebody may choose is hostile, and every state has an object.

Built through the doors where that is possible. Who wants its pages looked at in all ways (axe, light and dark, phone
width, nothing run, nothing fetched from elsewhere) names them in ``tests/pages/addresses``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from PIL import Image

from connections.access.models import ApiToken, Membership
from connections.access.tokens import issue_token
from connections.connection_actions import grant_connection
from connections.models import Connection, ConnectionSecret, Project
from connections.store.import_row import IncomingLabel, IncomingPredictions, IncomingRun
from connections.store.imports.actions import ImportSpec, import_here
from connections.store.models import ImportRun
from connections.store.upsert import write_rows
from connections.sync.models import Mirror, SyncRun
from exportadmin.audit.record import record
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions, config_actions, slice_actions
from exports.links import actions as link_actions
from exports.models import Artifact, Download, ExportConfig, ExportReport, Link, Proof, ProofNight, SinkSweep, Slice
from exports.models.proof import CHANGED, EQUAL, UNPROVEN
from exports.models.sweep import LEFTOVERS
from exports.spec.spec import ExportSpec
from tests.pages.reports import CONFIG, make_report
from tests.support import cast
from tests.support.rows import answer, box, mask, mixed, point, polygon, row

LONG = "W" * 120
# whatever of this runs sets the title of the page
HOSTILE = (
    "<script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
    "'\"><svg onload=document.title='ran'>{{ 7|add:7 }}{% now 'Y' %}javascript:document.title='ran' "
)
NAME = f"{HOSTILE}{LONG}"[:200]


@dataclass
class HostileWorld:
    """People by name, and one object in each state. ``picture`` is the row that is shown with its picture."""

    people: dict[str, User]
    project: Project
    empty: Project
    done: ExportReport
    earlier: ExportReport
    table: ExportReport
    coco: ExportReport
    masks: ExportReport
    running: ExportReport
    queued: ExportReport
    failed: ExportReport
    errored: ExportReport
    cancelled: ExportReport
    partial: ExportReport
    removed: ExportReport
    wrong: ExportReport
    imported: ImportRun
    importing: ImportRun
    artifact: Artifact
    config: ExportConfig
    slice: Slice
    link: Link
    link_token: str
    ended_links: dict[str, tuple[Link, str]]
    token: ApiToken
    vaults: dict[str, Connection]
    elsewhere: ExportReport
    mirrored: Project
    syncs: dict[str, SyncRun]

    def actor(self, name: str, channel: str = "web") -> Actor:
        """Someone of this world, as the one who acts."""
        return Actor(kind="user", name=name, channel=channel, user_id=self.people[name].pk)


def build(folder: Path) -> HostileWorld:
    """Committed, since exports read through a connection of their own. ``MEDIA_DIR`` must be ``folder / "media"``."""
    people = {"alice": cast.alice(), "oscar": cast.oscar(), "rita": cast.rita(), "mallory": cast.mallory()}
    people["hostile"] = User.objects.create_user(HOSTILE[:150], "h@example.org", cast.PASSWORD)
    alice = Actor(kind="user", name="alice", channel="web", user_id=people["alice"].pk, password_at=time.time())
    connection = Connection.objects.create(name=HOSTILE[:120], kind="store")
    project = Project.objects.create(connection=connection, name=NAME, time_zone="Europe/Berlin")
    empty = Project.objects.create(connection=connection, name="Nothing in it yet")
    for name, role in {"oscar": "operator", "rita": "reviewer", "hostile": "operator"}.items():
        Membership.objects.create(project=project, user=people[name], role=role)
    Membership.objects.create(project=project, user=people["alice"], role="admin")
    _rows(project, folder)
    earlier, done, table, coco, masks = (
        _run(project, people, format) for format in ("ndjson", "ndjson", "csv", "coco_json", "png")
    )
    write_rows(project, [row("row-00003", box("bus"), status="accepted")])  # since then something has changed
    states = _states(project, people)
    removed = _run(project, people, "json")
    actions.remove_files(report=removed, actor=alice, why=HOSTILE)
    removed.refresh_from_db()
    _proofs(done, coco, masks)
    _leftovers()
    artifact = done.artifacts.get()
    link, link_token = link_actions.issue_link(artifact=artifact, actor=alice, for_user=None)
    spec = ExportSpec.parse({"format": "csv", "statuses": ["accepted"]}, project)
    slice = slice_actions.save_slice(
        project=project, name=NAME, description=HOSTILE, filter={"global_keys": [LONG, HOSTILE]}, actor=alice
    )
    config = config_actions.save_config(project=project, name=NAME, description=HOSTILE, spec=spec, actor=alice)
    token, _ = issue_token(
        user=people["alice"], name=HOSTILE[:120], scopes=["exports:read"], actor=alice, project=project
    )
    with transaction.atomic():
        record("sign_in.refused", actor=Actor(kind="user", name=NAME, channel="web"), outcome="refused", reason=HOSTILE)
        before = {HOSTILE: HOSTILE, "name": "a", "password": "x"}
        record("project.changed", actor=alice, project=project, obj=project, before=before, after={"name": HOSTILE})
    vaults = _vaults(project, alice)
    return HostileWorld(
        people=people, project=project, empty=empty, done=done, earlier=earlier, table=table, coco=coco, masks=masks,
        imported=_imported(project, people, folder),
        importing=_importing(project), removed=removed, artifact=artifact, config=config, slice=slice, link=link,
        link_token=link_token, ended_links=_ended_links(artifact, alice), token=token, vaults=vaults,
        elsewhere=_elsewhere(project, vaults["failing"]), mirrored=(mirrored := _mirrored()),
        syncs=_syncs(mirrored), **states,
    )  # fmt: skip


def _mirrored() -> Project:
    """Of a platform that the tests of pages do not reach."""
    connection = Connection.objects.create(name=f"Platform {HOSTILE}"[:120], kind="toy")
    project = Project.objects.create(connection=connection, name=f"Mirror {NAME}"[:200], external_id=LONG[:200])
    Mirror.objects.create(
        project=project, data_type="image", synced_at=timezone.now(), full_synced_at=timezone.now(),
        not_understood={HOSTILE: 3, LONG: 1200}, details={"by": HOSTILE},
    )  # fmt: skip
    write_rows(project, mixed(3))
    return project


def _syncs(project: Project) -> dict[str, SyncRun]:
    """By what became of them; the newest is under way, and the platform says what nobody knows."""
    summary = {
        "rows": 3, "created": 1, "updated": 1, "unchanged": 0, "annotations": 7, "refused_count": 1, "gone": 1200,
        "pieces_refused": 0, "note_counts": {"other": 1}, "not_understood": {HOSTILE: 3, LONG: 1},
        "notes": [{"kind": "other", "text": LONG, "count": 1, "example": HOSTILE}],
    }  # fmt: skip
    make, ended = SyncRun.objects.create, {"project": project, "started_at": timezone.now(), "attempts": 2, "fence": 1}
    return {
        "partial": make(
            status=statuses.PARTIAL, mode="incremental", summary=summary, finished_at=timezone.now(),
            remote_id=LONG[:200], bytes_total=7_000_000, created_by_name=HOSTILE[:200], **ended,
        ),
        "failed": make(status=statuses.FAILED, mode="full", error=HOSTILE, finished_at=timezone.now(), **ended),
        "waiting": make(
            project=project, status=statuses.QUEUED, mode="full", remote_id="r-1", not_before=timezone.now(),
            error=f"needs attention: Toy says {HOSTILE!r}, which is not known here; it is not taken for made",
        ),
    }  # fmt: skip


def _proofs(changed: ExportReport, unproven: ExportReport, active: ExportReport) -> None:
    """One of last night that found much, one that cannot know, one that has begun; an earlier one that failed."""
    now = timezone.now()
    night = ProofNight.objects.create(began_at=now - timedelta(hours=3))
    common = {"project": changed.project, "created_by_name": HOSTILE[:200], "created_at": now, "finished_at": now}
    found = [{"file": HOSTILE, "finding": CHANGED, "message": f"{HOSTILE} was changed {LONG}"} for _ in range(12)]
    Proof.objects.bulk_create([
        Proof(report=changed, how="full", status=statuses.FAILED, error=f"{HOSTILE}{LONG}", **common),
        Proof(report=changed, how="sampled", night=night, status=statuses.COMPLETED, result=CHANGED, problems=found,
              problems_total=1234, counts={CHANGED: 1234, EQUAL: 1}, bytes_done=9, statement=HOSTILE + LONG, **common),
        Proof(report=unproven, how="attributes", night=night, status=statuses.COMPLETED, result=UNPROVEN,
              counts={UNPROVEN: 1, EQUAL: 1}, statement=HOSTILE, note=LONG, **common),
        # a lease in the future: nobody takes it away while the page is looked at
        Proof(report=active, how="full", status=statuses.RUNNING, error=HOSTILE, bytes_done=9, bytes_expected=12345,
              attempts=2, fence=2, lease_until=now + timedelta(hours=1), **{**common, "finished_at": None}),
    ])  # fmt: skip


def _leftovers() -> None:
    """Of this installation; and a place that could not be looked at."""
    now = timezone.now()
    found = [{"kind": kind, "report_id": LONG, "address": f"{HOSTILE}{LONG}", "changed_at": now.isoformat(),
              "error": HOSTILE} for kind in LEFTOVERS]  # fmt: skip
    SinkSweep.objects.create(place="", swept_at=now, found=found, found_total=1234, removed=5)
    SinkSweep.objects.create(place="away", swept_at=now, error=f"{HOSTILE}{LONG}")


def _elsewhere(project: Project, vault: Connection) -> ExportReport:
    """Its file was delivered through the connection, to a long address."""
    config = {**CONFIG, "destination": {"kind": "vault", "connection": vault.public_id, "shelf": f"{HOSTILE}{LONG}"}}
    report = make_report(
        project, name=NAME, status=statuses.COMPLETED, destination=vault, location=f"{LONG}/{HOSTILE}", config=config,
        check_values=_values(31), rows_done=7, started_at=timezone.now(), finished_at=timezone.now(),
    )  # fmt: skip
    Artifact.objects.create(report=report, name=f"{LONG}.json", media_type="text/plain", bytes=7, sha256="0" * 64)
    return report


def _vaults(project: Project, alice: Actor) -> dict[str, Connection]:
    """Connections of a kind that tests register (:mod:`tests.connections.toy`) or do not."""
    now = timezone.now()
    step = {"key": "open", "title": f"Open it {HOSTILE}", "message": f"{HOSTILE}{LONG}", "advice": f"{LONG}{HOSTILE}"}
    steps = [{**step, "state": state} for state in ("passed", "failed", "skipped")]
    ended = {"state": "failed", "tested_by": HOSTILE, "steps": steps}
    made = {
        "failing": {"name": f"2{HOSTILE}"[:120], "test_result": ended, "tested_at": now},
        "testing": {"name": LONG, "test_result": {**ended, "state": "running"}, "tested_at": now},
        "new": {"name": "New vault", "disabled_at": now, "created_by": HOSTILE},
    }
    config = {"room": f"{HOSTILE}{LONG}", "floor": "1", "alarm": False, "private_address": f"{LONG}:9000"}
    found = {state: Connection.objects.create(kind="vault", config=config, **values) for state, values in made.items()}
    ConnectionSecret.objects.create(
        connection=found["failing"], field="phrase", value="env:PHRASE", set_at=now, set_by=HOSTILE
    )
    for state in ("failing", "testing"):
        grant_connection(connection=found[state], project=project, actor=alice)
    return found


def _rows(project: Project, folder: Path) -> None:
    media = folder / "media" / project.public_id
    media.mkdir(parents=True)
    Image.new("RGB", (160, 120), (236, 239, 243)).save(media / "showcase.png")
    marks = [box(HOSTILE), polygon(f"road {LONG}"), mask("sky"), point(HOSTILE), answer(HOSTILE, HOSTILE)]
    first = row(HOSTILE + LONG, *marks, status="accepted", batch_id="batch-1", metadata_fields=[
        {"schema_name": HOSTILE, "value": HOSTILE}
    ])  # fmt: skip
    first.row_data = f"/media/{project.public_id}/showcase.png"
    found = [{**box(HOSTILE, left=12.0), "confidence": 0.5}, {**polygon(f"road {LONG}"), "confidence": 1.0}, box("bus")]
    run = IncomingRun("run-1", "model-1", name=HOSTILE, model_name=f"{HOSTILE} {LONG}"[:500])
    first.predictions = [IncomingPredictions(run, [IncomingLabel(objects=found)], split=HOSTILE[:40])]
    write_rows(project, [first, *mixed(30, batch_id="batch-2")])


def _imported(project: Project, people: dict[str, User], folder: Path) -> ImportRun:
    """One whose rows were all refused."""
    actor = Actor(kind="user", name=people["hostile"].username, channel="web", user_id=people["alice"].pk)
    path = folder / "refused.ndjson"
    path.write_text("\n".join(json.dumps(HOSTILE) for _ in range(25)))
    return import_here(spec=ImportSpec(project.public_id, NAME, "ndjson"), path=path, actor=actor)


def _importing(project: Project) -> ImportRun:
    return ImportRun.objects.create(
        project=project, file_name=NAME, format="ndjson", bytes_total=10, bytes_received=10, status=statuses.RUNNING,
        phase="importing", rows_done=3, rows_expected=9, started_at=timezone.now() - timedelta(minutes=3), attempts=1,
        fence=1, lease_until=timezone.now() + timedelta(hours=1), created_by_name=HOSTILE[:200],
        summary={"rows": 3, "created": 1, "updated": 0, "unchanged": 1, "annotations": 7, "refused_count": 1,
                 "pieces_refused": 2, "note_counts": {"changed": 2, "other": 1},
                 "notes": [{"kind": "changed", "text": HOSTILE, "count": 2, "example": LONG},
                           {"kind": "other", "text": LONG, "count": 1, "example": HOSTILE}]},
    )  # fmt: skip


def _run(project: Project, people: dict[str, User], format: str) -> ExportReport:
    actor = Actor(kind="user", name=people["hostile"].username, channel="web", user_id=people["hostile"].pk)
    body: dict[str, Any] = {"format": format, "filter": {"updated_after": 0}}
    report = actions.run_now(
        project=project, spec=ExportSpec.parse(body, project), actor=actor, name=NAME, description=HOSTILE
    )
    assert report.status == statuses.COMPLETED, report.error
    return report


def _states(project: Project, people: dict[str, User]) -> dict[str, ExportReport]:
    now = timezone.now()
    config = {**CONFIG, "filter": {"global_keys": [LONG, HOSTILE, *(f"key-{number}" for number in range(50))]}}
    common: dict[str, Any] = {
        "name": NAME, "description": HOSTILE, "config": config, "created_by_name": HOSTILE[:200],
        "created_by": people["hostile"], "requested_by": people["hostile"].pk, "started_at": now - timedelta(minutes=3),
    }  # fmt: skip
    error = f"The disk is full: {LONG} {HOSTILE}"
    made: dict[str, dict[str, Any]] = {
        # a lease in the future: nobody takes it away while the page is looked at
        "running": {"status": statuses.RUNNING, "phase": "reading", "rows_done": 3, "rows_expected": 9, "bytes_done": 9,
                    "attempts": 2, "fence": 2, "lease_until": now + timedelta(hours=1)},
        "queued": {"status": statuses.QUEUED, "started_at": None, "queued_at": now},
        "failed": {"status": statuses.FAILED, "error": error, "finished_at": now, "attempts": 3},
        "errored": {"status": statuses.ERRORED, "error": error, "finished_at": now, "attempts": 1},
        "cancelled": {"status": statuses.CANCELLED, "cancel_requested": True, "finished_at": now, "attempts": 1},
        "partial": {"status": statuses.PARTIAL, "finished_at": now, "check_values": _values(31), "rows_done": 7},
        "wrong": {"status": statuses.COMPLETED, "finished_at": now, "check_values": _values(7), "rows_done": 7},
    }  # fmt: skip
    return {state: make_report(project, **{**common, **values}) for state, values in made.items()}


def _values(annotations: int) -> dict[str, Any]:
    """Check values with forty classes; they add up where ``annotations`` is 31."""
    return {
        "rows_read": 10, "rows_kept": 7, "rows_dropped": {"statuses": 2, HOSTILE: 1}, "rows_by_status": {"accepted": 7},
        "annotations": annotations, "annotations_by_class": {f"{HOSTILE}{n}": 1 for n in range(30)} | {LONG: 1},
        "annotations_by_kind": {"box": 31}, "left_out_by_format": {"point": 6}, "files": 1, "bytes": 12,
    }  # fmt: skip


def _ended_links(artifact: Artifact, alice: Actor) -> dict[str, tuple[Link, str]]:
    ended = {}
    now = timezone.now()
    changes = {"revoked": {"revoked_at": now}, "used": {"used_at": now}}
    for state, change in changes.items():
        link, token = link_actions.issue_link(artifact=artifact, actor=alice, one_time=True)
        Link.objects.filter(pk=link.pk).update(**change)
        ended[state] = link, token
    Download.objects.create(
        artifact=artifact, link=ended["used"][0], actor_name=HOSTILE, channel="link", bytes_requested=artifact.bytes,
        bytes_sent=artifact.bytes, ended_at=now, ending="complete",
    )  # fmt: skip
    return ended
