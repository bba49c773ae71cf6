"""What has to be in place before a long-running command starts."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db import Error as DatabaseTrouble
from django.db import connections
from django.db.migrations.executor import MigrationExecutor


def refuse_unless_migrated() -> None:
    """Raises :class:`CommandError` with one line when the database is away or behind. Leaves no connection open."""
    try:
        executor = MigrationExecutor(connections["default"])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseTrouble as error:
        raise CommandError(f"the database does not answer: {error}") from error
    finally:
        connections.close_all()
    if missing:
        raise CommandError(f"the database lacks {len(missing)} migrations: run `exportadmin migrate` first")
