"""Who applies each condition of an export: the source, we ourselves, or nobody, where nothing tells what it asks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from connections.models import Project
from connections.platforms import PLATFORMS
from exports.spec.conditions import CONDITIONS
from exports.spec.platform_export import KEY as PLATFORM_EXPORT
from exports.spec.platform_export import PlatformExport
from exports.spec.selection import Selection

PUSHED_DOWN, FINISHED_HERE, IMPOSSIBLE = "pushed_down", "finished_here", "impossible"
# how → what it means, for people
HOW: Final = {
    PUSHED_DOWN: "by the source, which hands out no other rows",
    FINISHED_HERE: "here, on each row that comes",
    IMPOSSIBLE: "not possible",
}


def applied_conditions(
    project: Project, selection: Selection, pushed_down: Collection[str], *, rows_kept: int
) -> list[dict[str, Any]]:
    """``[{"key", "title", "applied", "note"}]`` of the conditions that are asked for, in the order of the registry.

    ``applied`` is one of :data:`HOW`; ``note`` says why it is not possible, or what of ours it is tested on, and is
    empty otherwise. A mirror of another installation is told more than the platform's own files tell: what some of the
    ``rows_kept`` satisfy is possible.
    """
    platform = PLATFORMS.get(project.connection.kind)
    untold = platform.untold if platform and not rows_kept else {}
    stand_ins = platform.stand_ins if platform else {}
    found = []
    for key, condition in CONDITIONS.items():
        if key in selection.conditions:
            how = PUSHED_DOWN if key in pushed_down else FINISHED_HERE
            how, note = (IMPOSSIBLE, untold[key]) if key in untold else (how, stand_ins.get(key, ""))
            found.append(_line(key, condition.label, how, note))
    return found


def applied_by_platform(wanted: PlatformExport) -> list[dict[str, Any]]:
    """The same of a file that the platform makes: what is asked of it, it applies."""
    asked = {"statuses": wanted.statuses, "updated_after": wanted.updated_after}
    return [
        _line(f"{PLATFORM_EXPORT}.{key}", CONDITIONS[key].label, PUSHED_DOWN)
        for key, value in asked.items()
        if value not in ((), None)
    ]


def _line(key: str, title: str, how: str, note: str = "") -> dict[str, Any]:
    return {"key": key, "title": title, "applied": how, "note": note}
