"""A file imported in this process, as the shell does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from exportadmin.lib.actor import Actor

if TYPE_CHECKING:
    from connections.store.models import ImportRun

SHELL = Actor(kind="user", name="tester", channel="shell")


def import_file(path: Path, project: str, actor: Actor = SHELL, **asked: Any) -> ImportRun:
    from connections.store.imports.actions import ImportSpec, import_here

    return import_here(spec=ImportSpec(project, path.name, **asked), path=path, actor=actor)
