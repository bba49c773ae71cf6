"""One of our shell commands, measured from within: ``python -m bench.ours import_rows FILE …`` or ``run_export …``.

The process is brought to where a worker idles: Django set up, the command loaded, the database open. Memory is
compared with that. CPU and wall time begin when the modules of the run and its format are loaded too, as they are in a
worker that has run before. From there on the command runs as from the shell, and what is measured is the whole run:
rows, bytes, check values, fsync, manifest, report.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

from bench.child import measured, memory_kb, say


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exportadmin.settings")
    import django
    from django.core.management import call_command, get_commands, load_command_class

    django.setup()
    name, *rest = arguments
    command = load_command_class(get_commands()[name], name)
    from connections.models import Project

    Project.objects.count()
    idle_kb = memory_kb("VmRSS")
    _load_modules(name, rest[rest.index("--format") + 1])
    output = io.StringIO()
    with measured(idle_kb=idle_kb) as found:
        call_command(command, *rest, "--json", stdout=output)
    found["output"] = _brief(json.loads(output.getvalue()))
    say(found)


def _load_modules(command: str, key: str) -> None:
    if command == "run_export":
        from exports.formats import FORMATS
        from exports.run import runner as runner
        from exports.sources import SOURCES

        SOURCES.pick("store")
        FORMATS.pick(key)
    else:
        from connections.store.importers import IMPORTERS

        IMPORTERS.pick(key)


def _brief(output: dict[str, Any]) -> dict[str, Any]:
    """Without the lists that grow."""
    return {key: value for key, value in output.items() if not isinstance(value, list)}


if __name__ == "__main__":
    main(sys.argv[1:])
