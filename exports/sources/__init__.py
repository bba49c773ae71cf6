"""The sources, one line each."""

from __future__ import annotations

from connections.models import Project
from exportadmin.lib.registry import Registry
from exports.sources.base import Source

SOURCES: Registry[type[Source]] = Registry(
    "source",
    {
        "store": "exports.sources.store:StoreSource",
    },
)


def source_of(project: Project) -> Source:
    """What reads the project's rows. Raises :class:`UserError` for a kind of connection that is no source."""
    return SOURCES.pick(project.connection.kind)(project)
