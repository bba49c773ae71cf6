"""What this installation keeps lies in a folder or in a store, by the same names."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.artifact_store import store_connection
from connections.sinks import SINKS
from connections.sinks.base import ReportKey
from connections.sinks.installation import InstallationSink
from exportadmin.lib import masking
from exportadmin.lib.errors import UserError
from exportadmin.operations import checks, health
from tests.connections.sinks.test_contract import MANIFEST, deliver, read
from tests.support import seaweed


def here():
    return SINKS["local"](None, {})


def test_a_delivery_lies_in_the_store_as_in_the_folder_and_may_be_copied_there(
    home: Path, report: ReportKey, in_store: str, s3_store: seaweed.Store, settings
):
    settings.ARTIFACTS_STORE = ""
    of_folder = deliver(here(), report, rows=b"rows")
    settings.ARTIFACTS_STORE = in_store.strip("/")
    other = ReportKey(report.report_id, report.project_id[::-1], 1)
    of_store = deliver(here(), other, rows=b"rows")
    bucket, _, prefix = in_store.partition("/")
    assert of_folder.location == f"{report.project_id}/{report.report_id}"
    assert of_store.location == f"{other.project_id}/{other.report_id}"
    keys = s3_store.keys(bucket, prefix)
    assert keys == [f"{prefix}artifacts/{of_store.location}/{name}" for name in ("manifest.json", "rows")]
    s3 = s3_store.client()
    for path in (home / "artifacts" / of_folder.location).iterdir():
        s3.put_object(Bucket=bucket, Key=f"{prefix}artifacts/{of_folder.location}/{path.name}", Body=path.read_bytes())
    copied = here().delivery(of_folder.location)
    assert (read(copied, "rows"), read(copied, "manifest.json")) == (b"rows", MANIFEST)
    assert {entry.name for entry in copied.entries()} == {"manifest.json", "rows"}


def test_a_folder_of_somebodys_own_stays_a_folder(home: Path, report: ReportKey, in_store: str):
    theirs = home / "mine"
    delivery = deliver(SINKS["local"](None, {"folder": str(theirs)}), report, rows=b"rows")
    assert (theirs / "rows").read_bytes() == b"rows"
    assert read(here().delivery(delivery.location), "rows") == b"rows"


@pytest.mark.parametrize("location", ["", "..", "../x/y", "a/b/c/d", "artifacts", "a\x00/b"])
def test_a_location_that_is_none_leads_nowhere_in_the_store(home: Path, in_store: str, location: str):
    assert list(here().delivery(location).entries()) == []


def test_its_variables_are_read_like_the_fields_of_a_connection(monkeypatch, settings):
    settings.ARTIFACTS_STORE = "team-exports/all"
    for name, value in {
        "ENDPOINT": "https://minio.corp",
        "PATH_STYLE": "yes",
        "ACCESS_KEY_ID": "AKIA123",
        "SECRET_ACCESS_KEY": "canary-9f2",
        "TAGS": "team=vision",
    }.items():
        monkeypatch.setenv(f"EXPORTADMIN_ARTIFACTS_{name}", value)
    connection = store_connection()
    told = {name: connection.config[name] for name in ("bucket", "prefix", "path_style", "credentials", "tags")}
    assert told == {
        "bucket": "team-exports",
        "prefix": "all/artifacts/",
        "path_style": True,
        "credentials": "keys",
        "tags": "team=vision",
    }
    assert connection.private_address == "minio.corp:443"
    assert connection.secrets()["secret_access_key"] == "canary-9f2"
    assert "canary-9f2" not in repr(connection.secrets()) + repr(connection.config)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"ARTIFACTS_REGION": "Frankfurt"}, "ARTIFACTS_REGION"),
        ({"ARTIFACTS_PATH_STYLE": "perhaps"}, "ARTIFACTS_PATH_STYLE"),
        ({"ARTIFACTS_ACCESS_KEY_ID": "AKIA123"}, "ARTIFACTS_SECRET_ACCESS_KEY"),
        ({"ARTIFACTS_ENDPOINT": "ftp://minio.corp"}, "ARTIFACTS_ENDPOINT"),
        ({"ARTIFACTS_CREDENTIALS": "role"}, "ARTIFACTS_ROLE_ARN"),
    ],
)
def test_a_variable_that_is_wrong_stops_the_start_and_is_named(monkeypatch, settings, variables, named):
    settings.ARTIFACTS_STORE = "team-exports"
    for name, value in variables.items():
        monkeypatch.setenv(f"EXPORTADMIN_{name}", value)
    with pytest.raises(UserError):
        store_connection()
    found = [problem for problem in checks.problems() if problem.variable.startswith("ARTIFACTS")]
    assert [(problem.variable, problem.stops) for problem in found] == [(named, True)]


def test_a_bucket_that_is_none_is_named_by_the_url(settings):
    settings.ARTIFACTS_STORE = "Team Exports"
    assert "ARTIFACTS_URL" in [problem.variable for problem in checks.problems()]


def test_a_store_that_takes_nothing_is_told_to_pages_and_probes(in_store: str, settings, monkeypatch, client, db):
    monkeypatch.setattr(health, "ARTIFACTS_WAIT_SECONDS", 60.0)  # a busy machine is no silent store
    health.kept.forget()
    assert health.look_at_artifacts() == ""
    assert health.artifacts_note(with_folder=True) == ""
    monkeypatch.setenv("EXPORTADMIN_ARTIFACTS_SECRET_ACCESS_KEY", "another-secret")
    health.kept.forget()
    words = "Exports to this installation fail, deliveries cannot be written: the store does not take them"
    assert health.artifacts_note(with_folder=False).startswith(f"{words}.")
    assert health.artifacts_note(with_folder=True) == f"{words} (s3://{in_store.strip('/')})."
    monkeypatch.setenv("EXPORTADMIN_ARTIFACTS_ENDPOINT", "http://127.0.0.1:9")
    health.kept.forget()
    assert not client.get("/readyz").json()["checks"]["artifacts"]["ok"]
    health.kept.forget()


def test_a_store_is_elsewhere_and_a_folder_is_here(in_store: str, settings):
    assert InstallationSink(None, {}).is_remote
    assert not InstallationSink(None, {"folder": "/somebodys"}).is_remote
    settings.ARTIFACTS_STORE = ""
    assert not InstallationSink(None, {}).is_remote


def test_the_stores_secret_is_followed_and_hidden_from_then_on(in_store: str, monkeypatch, tmp_path):
    kept = tmp_path / "key"
    kept.write_text("A0secret0of0the0store")
    monkeypatch.setenv("EXPORTADMIN_ARTIFACTS_SECRET_ACCESS_KEY", f"file:{kept}")
    assert dict(store_connection().secrets())["secret_access_key"] == "A0secret0of0the0store"
    assert "A0secret0of0the0store" not in masking.scrub_text("it says A0secret0of0the0store")
