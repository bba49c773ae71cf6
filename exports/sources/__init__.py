"""The sources, one line each."""

from __future__ import annotations

from connections.models import STORE, Project
from connections.platforms import PLATFORMS
from exportadmin.lib.registry import Registry
from exports.models import ExportReport
from exports.sources.base import Source
from exports.spec.scope import CATALOG, DATA_ROWS, DATASET, KEY, MODEL_RUN, OF_PROJECT, PROJECT, SLICE, Scope

SOURCES: Registry[type[Source]] = Registry(
    "source",
    {
        STORE: "exports.sources.store:StoreSource",
    },
)


# what reads a scope that is not the project's own rows, by its kind
SCOPE_SOURCES: Registry[type[Source]] = Registry(
    "scope",
    {
        **dict.fromkeys((CATALOG, DATASET, SLICE, DATA_ROWS), "exports.sources.catalog:CatalogSource"),
        MODEL_RUN: "exports.sources.model_run:ModelRunSource",
    },
)


def source_of(project: Project, scope: Scope = OF_PROJECT) -> Source:
    """What reads the project's rows: the built-in store also for a project that mirrors one of a platform.

    Raises :class:`UserError` for a kind of connection that is no source, and for a scope that nothing reads.
    """
    if scope.kind != PROJECT:
        return SCOPE_SOURCES.pick(scope.kind, field=KEY)(project)
    kind = project.connection.kind
    return SOURCES.pick(STORE if kind in PLATFORMS else kind)(project)


def source_for(report: ExportReport) -> Source:
    """What the report reads: the delivery that it converts, else its project's rows. Raises :class:`UserError`."""
    if report.converted_from is None:
        return source_of(report.project, Scope.from_json(report.config))
    from exports.formats import FORMATS
    from exports.sources.snapshot import SnapshotSource, UnchangedStoreSource

    whole = report.converted_from
    if FORMATS.pick(whole.format).importer and UnchangedStoreSource.is_possible(whole, report.config["options"]):
        return UnchangedStoreSource(whole)
    return SnapshotSource(whole)
