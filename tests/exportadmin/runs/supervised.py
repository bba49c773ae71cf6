"""``python -m tests.exportadmin.runs.supervised``: the worker under our supervisor, without the web."""

from __future__ import annotations

import os
import sys

from exportadmin.lib.processes import Child, Supervisor


class Hasty(Supervisor):
    """The tests kill the worker all the time; it has not failed to start."""

    LONGEST_DELAY_SECONDS = 0.1


if __name__ == "__main__":
    Hasty([Child("worker", [sys.executable, "-m", "django", "worker"], os.environ)]).run()
