"""Who may take the rows of several projects away: whoever may in all of them, through every channel."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from connections.access.models import ApiToken, Membership
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import NotFoundError
from exports import delivery_actions
from exports.links import actions as link_actions
from exports.links.tokens import paths_for
from exports.models import ExportReport, Slice
from exports.results.actions import read_report_rows, read_rows_of
from tests.exports.catalog.world import World, export, person


@pytest.fixture
def report(world: World, oscar, rita) -> ExportReport:
    """Of oscar, in North, with rows of South. Rita downloads in North, and does not know of South."""
    Membership.objects.create(project=world.north, user=rita, role="operator")
    return export(world.north, oscar, all_projects=True)


def names_a_foreign_project(text: str, world: World) -> bool:
    return any(each in text for each in ("South", world.south.public_id))


def paths_of(report: ExportReport) -> list[str]:
    file = report.artifacts.get()
    rest, page = f"/api/v1/reports/{report.report_id}/", f"/exports/{report.report_id}/"
    return [
        f"/api/v1/artifacts/{file.public_id}/download/",
        f"{rest}rows/",
        f"{rest}rows/?line=1",
        f"{rest}rows/?offset=10",
        f"{rest}manifest/",
        f"{rest}trail-proof/",
        f"{page}files/{file.name}/",
        f"{page}manifest.json",
        f"{page}trail-proof.json",
        f"{page}preview/",
    ]


def test_whoever_lacks_the_right_in_one_project_gets_no_rows_through_any_address(world, report, client: Client, rita):
    client.force_login(rita)
    for path in paths_of(report):
        before = AuditEntry.objects.count()
        answer = client.get(path, headers={"Range": "bytes=0-9"})
        assert answer.status_code == 404, path
        assert not names_a_foreign_project(answer.content.decode(), world), path
        lines = AuditEntry.objects.filter(sequence__gt=before)
        assert [entry.outcome for entry in lines] == ["refused"], path
        assert "it read several projects" in lines[0].reason
        assert not names_a_foreign_project(f"{lines[0].reason}{lines[0].details_json}", world)


def test_whoever_has_it_in_all_of_them_gets_them(world, report, client: Client, rita):
    Membership.objects.create(project=world.south, user=rita, role="operator")
    client.force_login(rita)
    assert [client.get(path).status_code for path in paths_of(report)] == [200] * len(paths_of(report))


def test_looking_is_not_taking_away(world, report, client: Client, rita):
    Membership.objects.create(project=world.south, user=rita, role="reviewer")
    client.force_login(rita)
    assert {client.get(path).status_code for path in paths_of(report)} == {404}


def test_the_report_itself_stays_visible_with_its_figures(world, report, client: Client, rita):
    client.force_login(rita)
    page = client.get(f"/exports/{report.report_id}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "South" not in text
    assert "/files/" not in text
    assert f"/exports/{report.report_id}/preview/" not in text
    assert client.get(f"/api/v1/reports/{report.report_id}/").json()["check_values"]["rows_kept"] == 4
    listed = client.get("/exports/").content.decode()
    assert report.name in listed
    assert "/files/" not in listed


def test_what_is_called_how_in_other_projects_is_told_to_whoever_may_see_them(
    world, report, client: Client, rita, oscar
):
    theirs = Slice.objects.create(project=world.south, name="Southern", filter={"global_keys": ["key-d2", "key-d4"]})
    made = export(world.north, oscar, scope={"kind": "slice", "id": theirs.public_id}, all_projects=True)
    rest, page = f"/api/v1/reports/{made.report_id}/", f"/exports/{made.report_id}/"
    telling = [rest, f"{rest}check-values/", page, f"{page}compare/?with={report.report_id}", "/exports/"]
    silent = ["/api/v1/reports/", "/api/v1/audit/", "/exports/list.csv"]
    names = ("road", "Southern", "key-d4")

    def told(path: str) -> list[str]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        return [name for name in names if name.encode() in text]

    Membership.objects.filter(project=world.north, user=rita).update(role="admin")
    client.force_login(rita)
    assert [path for path in [*telling, *silent] if told(path)] == []
    Membership.objects.create(project=world.south, user=rita, role="reviewer")
    assert all(told(path) for path in telling)


def test_rows_are_compared_by_whoever_may_read_both(world, report, client: Client, rita, oscar):
    own = export(world.north, oscar, scope={"kind": "project"})
    with pytest.raises(NotFoundError, match="several projects"):
        delivery_actions.compare_rows(older=own, newer=report, actor=person(rita))
    assert AuditEntry.objects.order_by("-sequence")[0].outcome == "refused"
    client.force_login(rita)
    page = client.get(f"/exports/{own.report_id}/compare/", {"with": report.report_id}).content.decode()
    assert "takes the right to download all of them" in page
    assert delivery_actions.compare_rows(older=own, newer=report, actor=person(oscar)).added == 1


def test_chunks_and_streams_ask_too(report, rita):
    with pytest.raises(NotFoundError):
        read_report_rows(report=report, actor=person(rita))
    with pytest.raises(NotFoundError):
        read_rows_of(artifact=report.artifacts.get(), actor=person(rita), line=0, limit=1)


def test_a_link_is_issued_by_whoever_may_in_all_of_them(world, report, rita, oscar):
    file = report.artifacts.get()
    with pytest.raises(NotFoundError, match="link in all of them"):
        link_actions.issue_link(artifact=file, actor=person(rita))
    entry = AuditEntry.objects.filter(event="link.issued").get()
    assert entry.outcome == "refused"
    assert not names_a_foreign_project(entry.reason, world)
    assert link_actions.issue_link(artifact=file, actor=person(oscar))[0].pk


def test_a_link_hands_out_to_anybody_until_its_issuer_loses_one_of_the_projects(world, report, client: Client, oscar):
    _, token = link_actions.issue_link(artifact=report.artifacts.get(), actor=person(oscar))
    path = paths_for(token)["file_url"]
    taken = client.get(path)
    assert taken.status_code == 200
    assert b"".join(taken.streaming_content).count(b"\n") == 4
    Membership.objects.filter(project=world.south, user=oscar).delete()
    assert client.get(path).status_code == 410
    assert AuditEntry.objects.filter(event="link.refused").get().reason == "withdrawn"


def test_who_loses_one_of_the_projects_has_that_link_revoked_with_the_role(world, report, oscar):
    from exports.links.issuers import LINKS_OF_PEOPLE

    def revoked() -> list[str]:
        with transaction.atomic():  # as roles are taken away
            return [ended.event for ended in LINKS_OF_PEOPLE.end(oscar, unfounded_only=True)]

    link_actions.issue_link(artifact=report.artifacts.get(), actor=person(oscar))
    assert revoked() == []
    Membership.objects.filter(project=world.south, user=oscar).delete()
    assert revoked() == ["link.revoked"]


def test_rows_of_a_project_that_is_gone_are_for_superusers(world, report, alice, oscar):
    Project.objects.filter(pk=world.south.pk).update(deleted_at=timezone.now())
    with pytest.raises(NotFoundError):
        read_report_rows(report=report, actor=person(oscar))
    rows = read_report_rows(report=report, actor=person(alice))
    assert rows is not None
    rows.close()


def test_a_token_that_is_bound_to_one_project_takes_nothing_of_several(world, report, oscar):
    def actor(project: Project | None) -> Actor:
        token = ApiToken.objects.create(
            user=oscar, name="t", digest=f"x{project}", prefix="x", scopes=["exports:read"], project=project
        )
        return Actor(kind="token", name="t of oscar", channel="rest", user_id=oscar.pk, token_id=token.pk)

    assert delivery_actions.download_manifest(report=report, actor=actor(None))
    with pytest.raises(NotFoundError):
        delivery_actions.download_manifest(report=report, actor=actor(world.north))


def test_the_trail_and_the_errors_of_a_report_name_no_project_but_its_own(world, oscar, report):
    entry = AuditEntry.objects.filter(event="export.requested").get()
    assert entry.details["reads"] == [world.south.public_id]
    assert "South" not in entry.details_json
