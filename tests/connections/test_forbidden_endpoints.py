"""However the endpoint of an S3 connection is written, no forbidden address is connected to: not by a test of the
connection, not by an export; and nothing that listens there turns up anywhere."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections import connection_actions as actions
from connections.access.tokens import issue_token
from connections.connection_actions import create_connection
from connections.models import Connection
from connections.sinks import SINKS
from connections.sinks.base import ReportKey
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import USER, Actor
from exportadmin.lib.addresses import ForbiddenAddressError
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import new_id
from tests.rest.world import SHELL, Rest
from tests.support.canary import TEXT
from tests.support.forbidden import FORMS, Network

pytestmark = pytest.mark.django_db(transaction=True)

CONFIG = {"bucket": "team-exports", "path_style": True}
SECRETS = {"access_key_id": "AKIACANARY", "secret_access_key": "secret-of-this-test"}


@pytest.fixture(autouse=True)
def _http_is_permitted(settings: Any) -> None:
    """So that it is the address that is in the way."""
    settings.OUTBOUND_HTTP = True


@pytest.fixture
def superuser(alice: User) -> Actor:
    return Actor(kind=USER, name=alice.username, channel="web", user_id=alice.pk)


def use(connection: Connection) -> None:
    """As a run does."""
    sink = SINKS["s3"](connection, {"folder": "team-exports/a/"})
    sink.begin(ReportKey(new_id(), new_id(), attempt=1))


def everything(caplog: pytest.LogCaptureFixture) -> str:
    """All of the trail, all that is kept of connections, all of the log."""
    kept = [*AuditEntry.objects.values(), *Connection.objects.values()]
    return json.dumps(kept, default=str) + caplog.text


@pytest.mark.one_database
@pytest.mark.slow
def test_no_form_of_one_is_reached(superuser: Actor, network: Network, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    refused, kept = 0, 0
    for number, form in enumerate(FORMS):
        endpoint = form.replace("{port}", str(network.canary.port))
        try:
            connection = create_connection(
                kind="s3",
                name=f"Bucket {number}",
                config={**CONFIG, "endpoint": endpoint},
                secrets=SECRETS,
                actor=superuser,
            )
        except UserError as error:
            assert error.field == "config.endpoint"
            assert endpoint not in error.message  # a user and password may stand in it
            refused += 1
            continue
        kept += 1
        steps = list(actions.test_connection(connection=connection, actor=superuser))
        assert all(step.state != "passed" for step in steps if step.key == "reach"), form
        with pytest.raises(ForbiddenAddressError):
            use(connection)
        assert TEXT not in str(steps)
    assert network.reached == []
    assert network.canary.connections() == 0
    assert refused > 30  # those that no resolver needs to be asked about
    assert kept > 30
    assert TEXT not in everything(caplog)
    assert SECRETS["secret_access_key"] not in everything(caplog)


@pytest.mark.one_database
@pytest.mark.slow
def test_neither_by_way_of_the_pages(superuser: Actor, alice: User, network: Network):
    browser = Client()
    browser.force_login(alice)
    for number, form in enumerate(FORMS):
        sent = {
            "kind": "s3",
            "name": f"Bucket {number}",
            "config.bucket": "team-exports",
            "config.endpoint": form.replace("{port}", str(network.canary.port)),
            "config.credentials": "keys",
            "config.encryption": "none",
            "config.overwrite_guard": "condition",
            **{f"secrets.{name}": value for name, value in SECRETS.items()},
        }
        answer = browser.post("/connections/new/", sent)
        assert answer.status_code in (302, 400), form
        told = answer.content.decode()
        if answer.status_code == 302:
            address = answer.headers["Location"]
            tested = browser.post(f"{address}test/", follow=True)
            told += tested.content.decode() + browser.get(address).content.decode()
        assert TEXT not in told
        assert SECRETS["secret_access_key"] not in told
    assert Connection.objects.filter(kind="s3").exists()
    assert network.reached == []
    assert network.canary.connections() == 0


@pytest.mark.one_database
@pytest.mark.slow
def test_nor_by_way_of_rest(alice: User, network: Network):
    """A third of the forms: what judges them is the same."""
    script = Rest(issue_token(user=alice, name="script", scopes=("admin",), actor=SHELL)[1])
    answers = []
    for number, form in enumerate(FORMS[::3]):
        config = {**CONFIG, "endpoint": form.replace("{port}", str(network.canary.port))}
        body = {"kind": "s3", "name": f"Bucket {number}", "config": config, "secrets": SECRETS}
        answers.append(script.post("connections/", body))
        assert answers[-1].status_code in (201, 400), answers[-1].content
        if answers[-1].status_code == 201:
            tested = script.post(f"connections/{answers[-1].json()['id']}/test/")
            assert tested.json()["state"] == "failed"
            answers.append(tested)
    assert {answer.status_code for answer in answers} == {200, 201, 400}
    told = b"".join(answer.content for answer in answers).decode()
    assert TEXT not in told
    assert SECRETS["secret_access_key"] not in told
    assert network.reached == []
    assert network.canary.connections() == 0


def test_a_permission_for_one_port_opens_no_other(superuser: Actor, network: Network):
    port = network.canary.port
    for permitted in (f"127.0.0.1:{port + 1}", f"10.0.0.1:{port}"):
        connection = create_connection(
            kind="s3",
            name=permitted,
            config={**CONFIG, "endpoint": f"http://127.0.0.1:{port}", "private_address": permitted},
            secrets=SECRETS,
            actor=superuser,
        )
        with pytest.raises(ForbiddenAddressError, match=f"permit 127.0.0.1:{port}"):
            use(connection)
    assert network.reached == []


def test_nobody_permits_what_is_never_reached(superuser: Actor):
    for address in (
        "169.254.169.254:80",
        "168.63.129.16:80",
        "100.100.100.200:80",
        "[::ffff:127.0.0.1]:80",
        "0.0.0.0:1",
    ):
        with pytest.raises(UserError) as refused:
            create_connection(
                kind="s3", name="x", config={**CONFIG, "private_address": address}, secrets=SECRETS, actor=superuser
            )
        assert refused.value.field == "config.private_address"


def test_a_permission_is_in_the_trail(superuser: Actor):
    create_connection(
        kind="s3",
        name="Inside",
        config={**CONFIG, "endpoint": "http://10.0.0.5:9000", "private_address": "10.0.0.5:9000"},
        secrets=SECRETS,
        actor=superuser,
    )
    made = AuditEntry.objects.get(event="connection.created")
    assert made.after is not None
    assert made.after["config"]["private_address"] == "10.0.0.5:9000"
    assert made.actor_name == "alice"
