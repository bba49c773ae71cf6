"""A user's own way: a connection made in the shell, an export to it, its proof, its removal. Programs only."""

from __future__ import annotations

import json

from tests.support.s3_store import secrets_of


def test_a_connection_is_made_tested_and_granted_and_every_export_to_it_is_proved(installation, s3_store, s3_folder):
    def run(*arguments: str) -> str:
        done = installation.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    bucket, _, prefix = s3_folder.partition("/")
    secrets = secrets_of()
    installation.extra |= {f"STORE_{name.upper()}": value for name, value in secrets.items()}
    run("load_demo", "--no-exports")
    config = {
        "bucket": bucket,
        "prefix": prefix,
        "endpoint": s3_store.endpoint,
        "private_address": s3_store.address,
    }
    made = ["connections", "create", "s3", "Archive", "--config", "path_style=true"]
    for name, value in config.items():
        made += ["--config", f"{name}={value}"]
    for name in secrets:
        made += ["--secret", f"{name}=env:STORE_{name.upper()}"]
    connection = run(*made)
    tested = run("connections", "test", connection)
    assert "failed" not in tested.lower(), tested
    (project,) = {one["name"] for one in json.loads(run("list_projects", "--json"))}
    run("connections", "grant", connection, project)
    destination = ["kind=s3", f"connection={connection}", f"folder=s3://{s3_folder}training/"]
    flags = [part for setting in destination for part in ("--destination", setting)]
    report = json.loads(run("run_export", project, "--format", "coco_json", *flags, "--json"))
    assert report["status"] == "completed"
    names = sorted(key.removeprefix(prefix) for key in s3_store.keys(bucket, prefix))
    (artifact,) = report["artifacts"]
    assert names == [f"training/{report['report_id']}/{name}" for name in sorted([artifact["name"], "manifest.json"])]
    assert "as delivered" in run("verify", report["report_id"])
    key = f"{prefix}training/{report['report_id']}/{artifact['name']}"
    s3_store.client().put_object(Bucket=bucket, Key=key, Body=b"x")
    refused = installation.run("verify", report["report_id"])
    assert (refused.returncode, artifact["name"] in refused.stdout + refused.stderr) == (1, True)
    told = tested + json.dumps(report) + refused.stdout + refused.stderr
    assert secrets["secret_access_key"] not in told
