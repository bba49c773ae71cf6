"""Exports to S3 as Labellerr's page describes them, into a real store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.exports.dialects.labellerr.conftest import Site
from tests.exports.dialects.labellerr.sdk import LabellerrError, Project
from tests.support import seaweed
from tests.support.s3_store import secrets_of

PARAMS: dict[str, Any] = {
    "export_name": "S3 Weekly Export",
    "export_description": "Export of all accepted annotations to S3",
    "export_format": "coco_json",
    "statuses": ["review", "r_assigned", "client_review", "cr_assigned", "accepted"],
    "export_destination": "s3",
}


@pytest.fixture(scope="module")
def manager(site: Site) -> dict[str, str]:
    """A superuser's token that may do what she may."""
    issued = json.loads(site.installation.run("issue_token", "sue", "--scope", "admin", "--json").stdout)
    return {"api_key": issued["token_id"], "api_secret": issued["key"]}


@pytest.fixture
def connection_id(site: Site, s3_store: seaweed.Store, s3_folder: str, tmp_path: Path) -> str:
    """Made in the shell, since a store on this machine has an address that the SDK cannot say."""
    bucket, _, prefix = s3_folder.partition("/")
    config = {
        "bucket": bucket,
        "prefix": prefix,
        "endpoint": s3_store.endpoint,
        "path_style": "true",
        "private_address": s3_store.address,
    }
    asked = [part for name, value in config.items() for part in ("--config", f"{name}={value}")]
    for name, value in secrets_of().items():
        path = tmp_path / name
        path.write_text(value)
        asked += ["--secret", f"{name}=file:{path}"]
    made = site.installation.run("connections", "create", "s3", f"Archive {prefix}", *asked)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.mark.parametrize("generation", ["B", "C"])
def test_an_s3_export_lies_in_the_bucket_when_it_is_created(
    site: Site, manager: dict[str, str], generation: str, connection_id: str, s3_store: seaweed.Store, s3_folder: str
):
    """A superuser's token: naming the connection grants it to the project."""
    project = Project(site.client(generation, **manager), site.project_id)
    folder = f"{s3_folder}exports/daily/"
    export = project.create_export(**PARAMS, connection_id=connection_id, export_folder_path=folder)
    answer = export.status()
    (item,) = (json.loads(answer) if isinstance(answer, str) else answer)["status"]
    assert (item["export_status"], item["export_destination"]) == ("Created", "s3")
    link = project.fetch_download_url("u", export.report_id)
    assert link == {"url": None, "s3_path": f"{folder}{export.report_id}"}
    bucket, _, prefix = s3_folder.partition("/")
    keys = s3_store.keys(bucket, f"{prefix}exports/daily/{export.report_id}/")
    (data,) = (key for key in keys if not key.endswith("/manifest.json"))
    assert len(keys) == 2
    body = s3_store.client().get_object(Bucket=bucket, Key=data)["Body"].read()
    assert json.loads(body)["info"]["version"] == export.report_id


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"connection_id": None}, "connection_id is missing"),
        ({"export_folder_path": None}, "export_folder_path is missing"),
        ({"connection_id": "nosuch"}, "no connection of kind s3"),
        ({"export_folder_path": "elsewhere/x/"}, "is in bucket 'elsewhere'"),
        ({"export_folder_path": "no-slash"}, "does not end with a slash"),
    ],
)
def test_what_leads_nowhere_is_told_before_anything_is_made(
    site: Site, manager: dict[str, str], connection_id: str, s3_folder: str, change: dict[str, Any], sentence: str
):
    project = Project(site.client(**manager), site.project_id)
    params = PARAMS | {"connection_id": connection_id, "export_folder_path": s3_folder} | change
    with pytest.raises(LabellerrError) as refused:
        project.create_export(**params)
    assert refused.value.args[0]["code"] == 400
    assert sentence in str(refused.value)
