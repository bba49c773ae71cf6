"""What syncs keep of a project that is deleted. Their tables go by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from connections.deletion import ProjectPart
from connections.models import Project
from connections.store.imports import files
from connections.sync.models import SyncRun


class SyncsOfProject(ProjectPart):
    """What syncs keep on disk."""

    def contents(self, project: Project) -> dict[str, int]:
        """Nothing that anybody would miss: the rows count."""
        return {}

    def take_away(self, project: Project) -> Iterator[int]:
        """Files that were fetched, and refused rows."""
        for run in SyncRun.objects.filter(project=project).order_by("pk").iterator():
            files.remove_all(run)
            yield 1
