"""What the store keeps of a project that is deleted. Its tables go by themselves."""

from __future__ import annotations

from connections.deletion import ProjectPart
from connections.models import Project
from connections.store.models import StoreRow


class RowsOfProject(ProjectPart):
    """Rows with their annotations."""

    def contents(self, project: Project) -> dict[str, int]:
        """How many rows."""
        return {"rows": StoreRow.objects.filter(project=project).count()}
