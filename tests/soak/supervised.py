"""``python -m tests.soak.supervised HOST:PORT``: web and worker supervised, as by ``exportadmin up``."""

from __future__ import annotations

import os
import sys

import django

from exportadmin.lib.processes import Child
from tests.exportadmin.runs.supervised import Hasty

if __name__ == "__main__":
    django.setup()
    from exports.management.commands.up import listen

    with listen(sys.argv[1]) as listener:
        here = [sys.executable, "-m", "django"]
        web = [*here, "web", "--bind", f"fd://{listener.fileno()}"]
        children = [Child("web", web, os.environ, [listener.fileno()]), Child("worker", [*here, "worker"], os.environ)]
        Hasty(children).run()
