"""What the store keeps of a project that is deleted. Its tables go by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from connections.deletion import ProjectPart
from connections.models import Project
from connections.store.imports import files
from connections.store.models import ImportRun, StoreRow


class RowsOfProject(ProjectPart):
    """Rows with their annotations."""

    def contents(self, project: Project) -> dict[str, int]:
        """How many rows."""
        return {"rows": StoreRow.objects.filter(project=project).count()}


class ImportsOfProject(ProjectPart):
    """What imports keep on disk."""

    def contents(self, project: Project) -> dict[str, int]:
        """Nothing that anybody would miss: the rows count."""
        return {}

    def take_away(self, project: Project) -> Iterator[int]:
        """Files that were sent, and refused rows."""
        for run in ImportRun.objects.filter(project=project).order_by("pk").iterator():
            files.remove_all(run)
            yield 1
