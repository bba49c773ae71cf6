"""What a task of ``label_studio_json`` carries of a row that did not come from Label Studio, so that an import gives it
back as it was: the whole row as our json has it, under ``meta.export_admin``. Pixels, keys, people and times of ours
have no place in Label Studio's shape.

Whoever reads it takes it only where the task is still what that row is written as; a task that was changed since is
read as what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.rows.body import BACKUP
from connections.rows.label_studio.tasks import Serialization, written_task

_Json = dict[str, Any]
_BROKEN = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)


def carried_in(task: Mapping[str, Any]) -> _Json | None:
    """The row that a task carries, as it stands there."""
    meta = task.get("meta")
    document = meta.get(BACKUP) if type(meta) is dict else None
    if type(document) is dict and type(document.get("data_row")) is dict and type(document.get("projects")) is dict:
        return document
    return None


def is_still(document: _Json, task: Mapping[str, Any]) -> bool:
    """Is the task what the row that it carries is written as? Its ids and times may be others: a server that took it
    in gave it new ones."""
    try:
        written = written_task(document, 0, Serialization()).task
        annotations = task.get("annotations") or []
        if written["data"] != task["data"] or len(annotations) != len(written["annotations"]):
            return False
        return all(
            one["result"] == other["result"] and bool(one["was_cancelled"]) == bool(other.get("was_cancelled"))
            for one, other in zip(written["annotations"], annotations, strict=True)
        )
    except _BROKEN:
        return False
