"""Fixtures of the session's S3 store. Without the program ``weed`` its tests are skipped, and in CI a skip fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import seaweed
from tests.support.s3_proxy import Proxy, before

if TYPE_CHECKING:
    from connections.models import Connection, Project


@pytest.fixture(scope="session")
def s3_store() -> seaweed.Store:
    """A running SeaweedFS, the same for all processes of the session: names of buckets must be one's own."""
    try:
        return seaweed.of_session()
    except seaweed.SeaweedUnavailable as error:
        pytest.skip(f"NOT RUN: {error}")


@pytest.fixture(scope="session")
def s3_bucket(s3_store: seaweed.Store) -> str:
    """A bucket of this process, which its tests share: each takes a folder of its own in it (:func:`s3_folder`)."""
    return s3_store.new_bucket(f"tests-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")


@pytest.fixture
def s3_folder(s3_bucket: str) -> str:
    """``bucket/path/`` of this test's own, with nothing in it."""
    from exportadmin.lib.ids import new_id

    return f"{s3_bucket}/{new_id()}/"


@pytest.fixture
def s3_connection(s3_store: seaweed.Store, s3_folder: str) -> Connection:
    """To that folder, as ``exporter``; it is not saved."""
    return unsaved_connection(s3_store.endpoint, s3_folder)


def config_of(endpoint: str, folder: str, **changes: Any) -> dict[str, Any]:
    """Of a connection to ``folder`` at an endpoint on loopback."""
    from connections.sinks.s3 import S3Sink

    bucket, _, prefix = folder.partition("/")
    config = {field.name: field.default for field in S3Sink.connection_fields}
    address = {"endpoint": endpoint, "path_style": True, "private_address": endpoint.partition("://")[2]}
    return {**config, **address, "bucket": bucket, "prefix": prefix, **changes}


def secrets_of(identity: str = "exporter") -> dict[str, str]:
    """Of somebody whom the store knows."""
    known = seaweed.IDENTITIES[identity]
    return {"access_key_id": known.access_key_id, "secret_access_key": known.secret_access_key}


def unsaved_connection(endpoint: str, folder: str, identity: str = "exporter", **changes: Any) -> Connection:
    """Its secrets are in no database."""
    from connections.models import Connection, Secrets

    connection = Connection(name="Archive", kind="s3", config=config_of(endpoint, folder, **changes))
    connection.secrets = lambda: Secrets(secrets_of(identity))
    return connection


@pytest.fixture
def saved_s3_connection(members: Project, s3_store: seaweed.Store, s3_folder: str) -> Connection:
    """To that folder, in the database with its secrets, for the project."""
    return save_connection(members, s3_store.endpoint, s3_folder)


def save_connection(
    project: Project, endpoint: str, folder: str, identity: str = "exporter", **changes: Any
) -> Connection:
    """As its superuser made it."""
    from django.utils import timezone

    from connections.models import Connection, ConnectionGrant, ConnectionSecret

    config = config_of(endpoint, folder, **changes)
    connection = Connection.objects.create(name=f"Archive of {folder}", kind="s3", config=config)
    for field, value in secrets_of(identity).items():
        secret = ConnectionSecret(connection=connection, field=field, set_at=timezone.now(), set_by="alice")
        secret.put(value)
        secret.save()
    ConnectionGrant.objects.create(connection=connection, project=project, granted_by="alice")
    return connection


def artifact_variables(endpoint: str, folder: str, identity: str = "exporter") -> dict[str, str]:
    """Of an installation that keeps its files in ``folder`` (``bucket/path/``)."""
    known = secrets_of(identity)
    return {
        "EXPORTADMIN_ARTIFACTS_URL": f"s3://{folder}",
        "EXPORTADMIN_ARTIFACTS_ENDPOINT": endpoint,
        "EXPORTADMIN_ARTIFACTS_PATH_STYLE": "yes",
        **{f"EXPORTADMIN_ARTIFACTS_{name.upper()}": value for name, value in known.items()},
    }


def keep_artifacts_in(folder: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process's installation do so, in the session's store."""
    for name, value in artifact_variables(seaweed.of_session().endpoint, folder).items():
        monkeypatch.setenv(name, value)
    settings.ARTIFACTS_STORE = folder.strip("/")


@pytest.fixture
def s3_proxy(s3_store: seaweed.Store) -> Iterator[Proxy]:
    """Before the session's store."""
    with before(s3_store.endpoint) as proxy:
        yield proxy


@pytest.fixture
def s3_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once, and parts are as small as stores take them."""
    from connections.s3 import client
    from connections.sinks import s3

    monkeypatch.setattr(client, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.005)
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
