"""Connections as pages: made of what a kind declares, changed by superusers, seen by those who may use them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.connection_actions import create_connection, grant_connection, revoke_connection
from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exports import actions, config_actions
from exports.spec.spec import ExportSpec
from tests.connections.toy import Vault, registered
from tests.pages.people import make_admin, signed_in, trail
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.rest.world import SHELL

LIST = "/connections/"
SECRET = "open sesame and no other word"
SENT = {
    "kind": "vault",
    "name": "East vault",
    "config.room": "east",
    "config.floor": "1",
    "config.alarm": "on",
    "secrets.phrase": "sesame",
}


@pytest.fixture(autouse=True)
def _vaults(transactional_db: None) -> Iterator[None]:
    with registered():
        yield


@pytest.fixture
def vault() -> Connection:
    return create_connection(
        kind="vault", name="East vault", config={"room": "EAST"}, secrets={"phrase": SECRET}, actor=SHELL
    )


@pytest.fixture
def granted(vault: Connection, members: Project) -> Connection:
    grant_connection(connection=vault, project=members, actor=SHELL)
    return vault


@pytest.fixture
def trudy(members: Project) -> Client:
    """Admin of the project, no superuser."""
    return make_admin(members, User.objects.create_user("trudy"))


def page(connection: Connection, *rest: str) -> str:
    return "/".join(["/connections", connection.public_id, *rest, ""])


def text_of(answer: object) -> str:
    """What a reader sees, without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page_html(answer)))


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_a_stranger_finds_no_connection_and_the_list_is_empty(granted: Connection, stranger: Client):
    assert "East vault" not in page_html(stranger.get(LIST))
    assert "No connections to see" in page_html(stranger.get(LIST))
    for answer in (
        stranger.get(page(granted)),
        stranger.get(page(granted, "steps")),
        stranger.get(page(granted, "edit")),
        stranger.post(page(granted, "test")),
        stranger.post(page(granted, "disable")),
        stranger.get("/connections/nosuch/"),
        stranger.get("/connections/" + "x" * 300 + "/"),
    ):
        assert answer.status_code == 404
    assert stranger.get("/connections/new/").status_code == 403


def test_a_projects_admin_sees_what_is_granted_and_no_secret(granted: Connection, trudy: Client):
    create_connection(kind="vault", name="West vault", config={"room": "WEST"}, secrets={"phrase": "x"}, actor=SHELL)
    listed = page_html(trudy.get(LIST))
    assert "East vault" in listed and "West vault" not in listed and "New connection" not in listed
    shown = page_html(trudy.get(page(granted)))
    assert "EAST" in shown and "Test now" in shown
    for hidden in ("Phrase", "Set secrets", "Delete", "Disable", "Grant</button>", SECRET):
        assert hidden not in shown


def test_a_projects_admin_tests_but_changes_nothing(granted: Connection, members: Project, trudy: Client):
    assert trudy.post(page(granted, "test")).status_code == 302
    sent = {
        "edit": {"name": "mine"},
        "secrets": {"secrets.phrase": "mine"},
        "disable": {},
        "enable": {},
        "delete": {"confirm": "East vault"},
        "grant": {"project": members.public_id},
        f"revoke/{members.public_id}": {},
    }
    for name, values in sent.items():
        assert trudy.post(page(granted, name), values).status_code == 403, name
    granted.refresh_from_db()
    assert (granted.name, granted.disabled_at) == ("East vault", None)
    assert AuditEntry.objects.filter(actor_name="trudy", outcome="refused").count() == len(sent)


@pytest.mark.parametrize("name", ["oscar", "rita"])
def test_who_only_works_in_the_project_looks_on(name: str, granted: Connection, request: pytest.FixtureRequest):
    client = signed_in(request.getfixturevalue(name))
    shown = page_html(client.get(page(granted)))
    assert "East vault" in shown and "Test now" not in shown
    assert client.post(page(granted, "test")).status_code == 403


def test_an_unknown_parameter_is_refused(vault: Connection, visitor: Client):
    for address in (LIST, page(vault), page(vault, "edit"), "/connections/new/"):
        assert visitor.get(address, {"colour": "red"}).status_code == 400, address
    assert visitor.post("/connections/new/", {**SENT, "config.colour": "red"}).status_code == 400


# --- making and changing ---------------------------------------------------------------------------------------------


def test_one_is_made_of_what_its_kind_declares(visitor: Client):
    form = page_html(visitor.get("/connections/new/?kind=vault"))
    for piece in (
        "Room",
        "Which room of the vault",
        "It is within your own network",
    ):
        assert piece in form
    assert re.search(r'<input type="password" name="secrets.phrase"[^>]*>', form)
    assert re.search(r'<option value="2">Second</option>', form)
    assert re.search(r'<input type="checkbox" name="config.alarm"[^>]* checked', form)
    answer = visitor.post("/connections/new/", SENT)
    made = Connection.objects.get(kind="vault")
    assert answer.headers["Location"] == page(made)
    assert made.config == {"room": "EAST", "floor": "1", "alarm": True, "private_address": ""}
    assert dict(made.secrets()) == {"phrase": "sesame"}
    assert trail("connection.created") == [("connection.created", "done", "alice", "East vault")]


def test_the_only_kind_is_not_asked_for(visitor: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connections.views.connections.connection_kinds", lambda: {"vault": Vault})
    assert 'name="config.room"' in page_html(visitor.get("/connections/new/"))
    monkeypatch.setattr("connections.views.connections.connection_kinds", lambda: {"vault": Vault, "tomb": Vault})
    assert 'href="/connections/new/?kind=tomb"' in page_html(visitor.get("/connections/new/"))
    monkeypatch.setattr("connections.views.connections.connection_kinds", dict)
    assert "Nothing to connect to" in page_html(visitor.get("/connections/new/"))
    assert visitor.get("/connections/new/?kind=nosuch").status_code == 400


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"name": " "}, "name", "connection has a name of 1 to 120 characters; this has 0"),
        ({"config.room": ""}, "config.room", "is missing"),
        ({"config.room": "7"}, "config.room", "expected letters only"),
        ({"config.floor": "9"}, "config.floor", "known: 1, 2"),
        ({"config.floor": "2"}, "secrets.knock", "the second floor opens to a knock only"),
        ({"secrets.phrase": ""}, "secrets.phrase", "is missing"),
        ({"secrets.phrase": f" {SECRET}"}, "secrets.phrase", "blanks around it"),
        ({"secrets.phrase": "env:EXPORTADMIN_SECRET_KEY"}, "secrets.phrase", "the installation&#x27;s own"),
    ],
)
def test_what_is_wrong_stands_at_its_input_and_no_secret_comes_back(
    visitor: Client, values: dict[str, str], field: str, message: str
):
    answer = visitor.post("/connections/new/", {**SENT, "secrets.phrase": SECRET, **values})
    assert answer.status_code == 400
    shown = page_html(answer)
    line = re.search(rf'id="{re.escape(field)}_error">(.*?)</p>', shown)
    assert line and message in line[1].replace("The second", "the second")
    assert SECRET not in shown
    assert "type it again" in shown
    assert not Connection.objects.filter(kind="vault").exists()


def test_a_name_that_is_taken_is_said_at_the_name(vault: Connection, visitor: Client):
    shown = page_html(visitor.post("/connections/new/", SENT))
    assert re.search(r'id="name_error">.*There is a connection called', shown)


def test_it_is_changed_and_what_was_found_out_is_forgotten(vault: Connection, visitor: Client):
    visitor.post(page(vault, "test"))
    form = page_html(visitor.get(page(vault, "edit")))
    assert 'name="config.room" value="EAST"' in form and "secrets." not in form
    sent = {key: value for key, value in SENT.items() if not key.startswith(("kind", "secrets."))}
    answer = visitor.post(
        page(vault, "edit"), {**sent, "name": "Deep vault", "config.room": "deep", "config.alarm": ""}
    )
    assert answer.status_code == 302
    vault.refresh_from_db()
    assert (vault.name, vault.config["room"], vault.config["alarm"]) == ("Deep vault", "DEEP", False)
    assert "Not tested" in page_html(visitor.get(page(vault)))


def test_secrets_are_set_anew_and_only_when_and_by_whom_is_shown(vault: Connection, visitor: Client):
    shown = text_of(visitor.get(page(vault)))
    assert re.search(rf"Phrase set on .* UTC by {SHELL.name}", shown)
    assert "Knock not set" in shown and SECRET not in shown
    form = page_html(visitor.get(page(vault, "secrets")))
    assert "Set on " in form and "Not set." in form and SECRET not in form and "forget." not in form
    assert visitor.post(page(vault, "secrets"), {"secrets.phrase": "", "secrets.knock": "env:KNOCK"}).status_code == 302
    assert {s.field: s.reference for s in vault.stored_secrets.all()} == {"phrase": "", "knock": "env:KNOCK"}
    assert "env:KNOCK , set on" in text_of(visitor.get(page(vault)))
    assert 'name="forget.knock"' in page_html(visitor.get(page(vault, "secrets")))
    visitor.post(page(vault, "secrets"), {"forget.knock": "on"})
    assert [secret.field for secret in vault.stored_secrets.all()] == ["phrase"]
    assert vault.secrets()["phrase"] == SECRET


def test_nothing_given_is_no_new_secret(vault: Connection, visitor: Client):
    answer = visitor.post(page(vault, "secrets"), {"secrets.phrase": "", "secrets.knock": ""})
    assert answer.status_code == 400
    assert "No secret was given" in page_html(answer)


def test_it_is_disabled_and_enabled(vault: Connection, visitor: Client):
    visitor.post(page(vault, "disable"))
    shown = page_html(visitor.get(page(vault)))
    assert "Disabled" in shown and ">Enable</button>" in shown
    visitor.post(page(vault, "enable"))
    vault.refresh_from_db()
    assert vault.disabled_at is None


def test_it_is_deleted_by_its_name(vault: Connection, visitor: Client):
    assert visitor.post(page(vault, "delete"), {"confirm": "East"}).status_code == 400
    assert Connection.objects.filter(pk=vault.pk).exists()
    answer = visitor.post(page(vault, "delete"), {"confirm": "East vault"})
    assert answer.headers["Location"] == LIST
    assert visitor.get(page(vault)).status_code == 404
    assert "No connections yet" in page_html(visitor.get(LIST))


def test_what_uses_it_keeps_it_from_being_deleted(granted: Connection, members: Project, visitor: Client):
    body = {"format": "ndjson", "destination": {"kind": "vault", "connection": granted.public_id}}
    visitor.post(page(granted, "secrets"), {"secrets.phrase": "sesame"})
    spec = ExportSpec.parse(body, members)
    config = config_actions.save_config(project=members, name="Nightly", spec=spec, actor=SHELL)
    for name in ("One", "Two"):
        actions.request_export(project=members, spec=spec, actor=SHELL, name=name)
    assert "Street scenes 1 config 2 running exports" in text_of(visitor.get(LIST))
    shown = page_html(visitor.get(page(granted)))
    assert f'<a href="/configs/{config.public_id}/">Nightly</a>' in shown
    assert "It is in use" in page_html(visitor.get(page(granted, "delete")))
    assert "Nightly" in page_html(visitor.get(page(granted, "delete")))
    answer = visitor.post(page(granted, "delete"), {"confirm": "East vault"})
    assert answer.status_code == 400
    assert Connection.objects.filter(pk=granted.pk).exists()


# --- grants ----------------------------------------------------------------------------------------------------------


def test_it_is_granted_to_a_project_and_taken_from_it(
    vault: Connection, members: Project, visitor: Client, oscar: User
):
    assert f'<option value="{members.public_id}">Street scenes</option>' in page_html(visitor.get(page(vault)))
    visitor.post(page(vault, "grant"), {"project": members.public_id})
    shown = page_html(visitor.get(page(vault)))
    assert f'<a href="/projects/{members.public_id}/">Street scenes</a>' in shown
    assert "Every project may use it." in shown
    assert "East vault" in page_html(signed_in(oscar).get(LIST))
    visitor.post(page(vault, "revoke", members.public_id))
    assert signed_in(oscar).get(page(vault)).status_code == 404
    again = visitor.post(page(vault, "revoke", members.public_id), follow=True)
    assert "is not granted to project" in page_html(again)
    assert trail("connection.granted", "connection.revoked") == [
        ("connection.granted", "done", "alice", "East vault"),
        ("connection.revoked", "done", "alice", "East vault"),
        ("connection.revoked", "refused", "alice", "East vault"),
    ]


@pytest.mark.parametrize("wanted", ["", "nosuch", "a\x00b"])
def test_a_project_that_there_is_not_is_said_at_the_choice(
    vault: Connection, members: Project, visitor: Client, wanted: str
):
    answer = visitor.post(page(vault, "grant"), {"project": wanted})
    assert answer.status_code == 400
    assert "Choose the project that may use it." in page_html(answer)
    assert not vault.grants.exists()


# --- the test --------------------------------------------------------------------------------------------------------


def test_each_step_says_what_came_of_it_and_what_to_do(vault: Connection, visitor: Client):
    assert "It was not tested yet" in page_html(visitor.get(page(vault)))
    assert visitor.post(page(vault, "test")).headers["Location"] == page(vault)
    shown = text_of(visitor.get(page(vault)))
    assert re.search(r"Reach the vault Passed room EAST Open it Failed .* What to do: rotate the secret phrase", shown)
    assert "Write Skipped it is shut" in shown
    assert "Test failed" in shown
    listed = text_of(visitor.get(LIST))
    assert re.search(r"Test failed East vault Vault .* Open it", listed)
    visitor.post(page(vault, "secrets"), {"secrets.phrase": "sesame"})
    visitor.post(page(vault, "test"))
    assert "Ready" in text_of(visitor.get(page(vault)))


def test_while_it_goes_on_the_page_asks_for_more_steps(vault: Connection, visitor: Client, monkeypatch):
    seen = []

    def steps(connection):
        from connections.adapters import PASSED, Step

        yield Step("reach", "Reach the vault", PASSED)
        seen.append(visitor.get(page(vault, "steps"), headers={"HX-Request": "true"}).content.decode())
        seen.append(visitor.get(page(vault)).content.decode())
        yield Step("open", "Open it", PASSED)

    monkeypatch.setattr(Vault, "test", steps)
    ended = visitor.post(page(vault, "test"), headers={"HX-Request": "true"}).content.decode()
    for shown in seen:
        assert "Reach the vault" in shown and "Open it" not in shown
        assert "The next step is under way" in shown and 'hx-trigger="load delay:1s"' in shown
        assert "Being tested" in shown
    assert "Open it" in ended and "under way" not in ended and "delay:1s" not in ended
    assert 'hx-swap-oob="true"' in ended and "Ready" in ended
    assert visitor.get(page(vault, "steps")).headers["Location"] == page(vault)


def test_a_test_whose_process_was_stopped_is_not_under_way_for_ever(vault: Connection, visitor: Client):
    from datetime import timedelta

    from django.utils import timezone

    result = {"state": "running", "tested_by": "alice", "steps": []}
    for age, words in ((timedelta(), "under way"), (timedelta(minutes=10), "Stopped")):
        Connection.objects.filter(pk=vault.pk).update(test_result=result, tested_at=timezone.now() - age)
        assert words in page_html(visitor.get(page(vault)))


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_is_filtered_by_name_kind_and_state(vault: Connection, visitor: Client):
    create_connection(kind="vault", name="West vault", config={"room": "WEST"}, secrets={"phrase": "x"}, actor=SHELL)
    visitor.post(page(vault, "test"))
    for query, names in {
        "q=west": ["West vault"],
        "kind=vault": ["East vault", "West vault"],
        "state=failing": ["East vault"],
        "state=untested": ["West vault"],
        "state=disabled": [],
    }.items():
        shown = page_html(visitor.get(f"{LIST}?{query}"))
        assert [name for name in ("East vault", "West vault") if name in shown] == names, query
        assert ("No connection fits" in shown) == (not names)
    assert visitor.get(f"{LIST}?state=lost").status_code == 400
    assert visitor.get(f"{LIST}?kind=lost").status_code == 400


def test_the_menu_leads_to_them(visitor: Client):
    assert '<a href="/connections/"' in page_html(visitor.get("/"))


def test_the_help_tells_what_each_kind_needs(visitor: Client):
    shown = text_of(visitor.get("/help/connections/"))
    assert "Room room , required Which room of the vault, such as EAST." in shown
    assert "Phrase phrase , required What is said at the door." in shown
    assert "Mind: It is within your own network" in shown


# --- home ------------------------------------------------------------------------------------------------------------


def test_home_tells_of_a_connection_in_use_whose_last_test_failed(
    granted: Connection, members: Project, visitor: Client, oscar: User, stranger: Client
):
    make_report(members, status="completed")
    make_report(Project.objects.create(connection=members.connection, name="Harbour"), status="completed")
    words = "The last test of connection East vault failed"
    assert words not in text_of(visitor.get("/"))
    visitor.post(page(granted, "test"))
    for client in (visitor, signed_in(oscar)):
        assert re.search(rf"{words} , .* Open it: the phrase is another one", text_of(client.get("/")))
    assert words not in text_of(stranger.get("/"))
    visitor.post(page(granted, "disable"))
    assert words not in text_of(visitor.get("/"))
    visitor.post(page(granted, "enable"))
    visitor.post(page(granted, "revoke", members.public_id))
    assert words not in text_of(visitor.get("/"))


# --- where an export went --------------------------------------------------------------------------------------------


def test_an_export_says_where_its_files_are_and_names_the_connection_to_whom_may_know(
    granted: Connection, members: Project, visitor: Client, oscar: User
):
    def facts(client: Client) -> str:
        return text_of(client.get(f"/exports/{report.report_id}/"))

    body = {"format": "ndjson", "destination": {"kind": "vault", "connection": granted.public_id, "shelf": "cold"}}
    report = actions.run_now(project=members, spec=ExportSpec.parse(body, members), actor=SHELL, name="Nightly")
    assert report.status == "completed", report.error
    place = f" to blobs:cold/{report.report_id} "
    chosen = "Destination Kind Vault Connection East vault Shelf cold"
    for client in (visitor, signed_in(oscar)):
        assert place in facts(client) and chosen in facts(client)
        assert f"Delivered through East vault{place}" in facts(client)
    visitor.post(page(granted, "revoke", members.public_id))
    assert f"Delivered{place}" in facts(signed_in(oscar)) and "East vault" not in facts(signed_in(oscar))
    assert f"Connection {granted.public_id}" in facts(signed_in(oscar))
    here = actions.run_now(project=members, spec=ExportSpec.parse({"format": "csv"}, members), actor=SHELL, name="Here")
    assert "Delivered to" not in text_of(visitor.get(f"/exports/{here.report_id}/"))


def test_a_project_names_the_connections_that_it_may_use(granted: Connection, members: Project, oscar: User):
    shown = page_html(signed_in(oscar).get(f"/projects/{members.public_id}/"))
    assert f'<a href="{page(granted)}">East vault</a>' in shown and "Not tested" in shown
    revoke_connection(connection=granted, project=members, actor=SHELL)
    assert "East vault" not in page_html(signed_in(oscar).get(f"/projects/{members.public_id}/"))
