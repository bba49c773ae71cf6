"""How many queries each list page costs, written down here, and that more rows do not make it more.

A figure that changes is no fault by itself: it is a thing to know of, so it shows in the diff.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.access.models import ApiToken, Membership
from connections.models import Connection, ConnectionGrant, Project
from connections.store.upsert import write_rows
from exportadmin.audit.record import record
from exports.models import ExportConfig, ExportReport, Link
from tests.connections.toy import registered
from tests.pages.hostile_world import HostileWorld, build
from tests.support.rows import mixed

# page → queries as alice (superuser) and as rita (reviewer of one project); None: not for her
QUERIES: dict[str, tuple[int, int | None]] = {
    "/": (27, 31),  # nine of them for the places of what waits
    "/exports/": (10, 13),
    "/projects/": (6, 8),
    "/configs/": (5, 6),
    "/links/": (6, 7),
    "/connections/": (7, 8),
    "/syncs/": (4, 4),
    "/health/": (8, None),
    "/audit/": (7, 8),
    "/audit/questions/": (3, 4),
    "/audit/register/": (5, 7),  # rita: which exports of others hold rows of her projects
    "/account/": (3, 4),
    "/people/": (7, None),
    "/account/tokens/": (5, 5),
    "/help/": (2, 3),
}


@pytest.fixture
def world(transactional_db: None, settings: Any, tmp_path: Any) -> Iterator[HostileWorld]:
    settings.MEDIA_DIR = tmp_path / "media"
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    with registered():
        made = build(tmp_path)
        more_projects(made, "Standing", 8)
        yield made


def more_projects(world: HostileWorld, name: str, count: int) -> None:
    """Empty ones; rita reviews them."""
    projects = Project.objects.bulk_create(
        Project(connection=world.project.connection, name=f"{name} {number}") for number in range(count)
    )
    Membership.objects.bulk_create(
        Membership(project=project, user=world.people["rita"], role="reviewer") for project in projects
    )


def costs(world: HostileWorld, who: str) -> dict[str, int | None]:
    client = Client()
    client.force_login(world.people[who])
    client.get("/help/")  # what is asked once a session
    for path in ("/audit/", "/audit/register/"):  # the first look in some minutes is recorded
        client.get(path)
    found: dict[str, int | None] = {}
    for path in QUERIES:
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path)
        # with SQLite, counts of requests are in a file of their own
        queries = [query for query in captured if "hitcount" not in query["sql"]]
        found[path] = len(queries) if answer.status_code == 200 else None
    return found


def more_of_everything(world: HostileWorld) -> None:
    """Forty more of each thing that a list shows."""
    write_rows(world.project, [row for row in mixed(80) if row.key >= "row-00030"])
    more_projects(world, "Project", 40)
    ExportReport.objects.bulk_create(
        ExportReport(project=world.project, name=f"Export {number}", format="json", config=world.done.config,
                     status=("completed", "failed", "queued", "running")[number % 4])
        for number in range(40)
    )  # fmt: skip
    ExportConfig.objects.bulk_create(
        ExportConfig(project=world.project, name=f"Config {number}", body=world.config.body) for number in range(40)
    )
    Link.objects.bulk_create(
        Link(artifact=world.artifact, signature=str(number), expires_at=world.link.expires_at) for number in range(40)
    )
    vaults = Connection.objects.bulk_create(
        Connection(name=f"Vault {number}", kind="vault", test_result=world.vaults["failing"].test_result)
        for number in range(40)
    )
    ConnectionGrant.objects.bulk_create(ConnectionGrant(connection=vault, project=world.project) for vault in vaults)
    ApiToken.objects.bulk_create(
        ApiToken(user=world.people["alice"], name=f"Token {number}", prefix="ea_x", digest=str(number))
        for number in range(40)
    )
    with transaction.atomic():
        for number in range(40):
            details = {"number": number}
            record("export.planned", actor=world.actor("alice"), project=world.project, obj=world.done, details=details)


def test_a_list_page_costs_what_is_written_here_however_much_it_lists(world: HostileWorld):
    few = {who: costs(world, who) for who in ("alice", "rita")}
    more_of_everything(world)
    many = {who: costs(world, who) for who in ("alice", "rita")}
    written = {path: (few["alice"][path], few["rita"][path]) for path in QUERIES}
    assert many == few
    assert written == QUERIES
