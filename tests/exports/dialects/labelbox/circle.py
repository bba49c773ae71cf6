"""Another installation as Labelbox: what is brought there, and mirrored from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connections.connection_actions import create_connection
from connections.models import Connection, Project
from connections.sync.actions import change_mirror, mirror_project
from connections.sync.models import SyncRun
from tests.rest.world import SHELL
from tests.support.full_circle import again
from tests.support.shell import Installation


def connect(address: str, key: str) -> Connection:
    """To the installation at an address."""
    config = {"endpoint": f"{address}/dialects/labelbox/graphql", "private_address": urlsplit(address).netloc}
    return create_connection(
        kind="labelbox", name="The other one", config=config, secrets={"api_key": key}, actor=SHELL
    )


def bring(installation: Installation, path: Path, lines: list[dict[str, Any]], name: str) -> str:
    """Import rows there: the project's id."""
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    result = installation.run("import_rows", str(path), "--project", name, "--json", timeout=400)
    assert result.returncode == 0, result.stdout + result.stderr
    return str(json.loads(result.stdout)["project"]["id"])


def mirror(far: Connection, external_id: str, **options: Any) -> tuple[Project, SyncRun]:
    """With all that rows have."""
    project = mirror_project(connection=far, external_id=external_id, actor=SHELL)
    change_mirror(project=project, actor=SHELL, options={"embeddings": "yes", **options})
    return project, again(project)
