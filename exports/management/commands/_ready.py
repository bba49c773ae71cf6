"""What has to be in place before a long-running command starts."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db import Error as DatabaseTrouble
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from connections.secret_keys import refuse_without_keys
from exportadmin.operations import key_prints
from exportadmin.operations.checks import must_be_startable


def refuse_unless_migrated() -> None:
    """Raises one line (:class:`CommandError`, or the boot checks' own) when settings, database or migrations do not let
    us start. Leaves no connection open.
    """
    must_be_startable()
    try:
        executor = MigrationExecutor(connections["default"])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        refusal = next(key_prints.refusals(), "") if key_prints.keys_are_shared() and not missing else ""
    except DatabaseTrouble as error:
        raise CommandError(f"the database does not answer: {error}") from error
    finally:
        connections.close_all()
    if missing:
        raise CommandError(f"the database lacks {len(missing)} migrations: run `exportadmin migrate` first")
    if refusal:
        raise CommandError(refusal)
    try:
        refuse_without_keys()
    finally:
        connections.close_all()
