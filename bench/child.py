"""What a measured process says of itself, as one JSON line at the end of its output. Standard library only.

``cpu_s`` is user + system time of the process and of children it waited for; memory is the kernel's ``VmHWM`` (peak of
resident memory), taken back to the present level before the work where the kernel allows it.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): "reset the peak resident set size to the process's current value"


def cpu_s() -> float:
    """User and system time of this process and its dead children, seconds."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def memory_kb(key: str) -> int:
    """``VmRSS`` (now) or ``VmHWM`` (peak) in KiB; 0 where there is no ``/proc``."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), 0)


@contextmanager
def measured(*, idle_kb: int | None = None) -> Iterator[dict[str, Any]]:
    """Measure the block; the dictionary is filled at its end: cpu_s, wall_s, idle_kb, peak_kb.

    ``idle_kb`` is what the process held when it idled, if that was not just now.
    """
    with suppress(OSError):  # then the peak of the start counts too, and can only make us look worse
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    found: dict[str, Any] = {"idle_kb": memory_kb("VmRSS") if idle_kb is None else idle_kb}
    wall, cpu = time.perf_counter(), cpu_s()
    yield found
    found["cpu_s"] = cpu_s() - cpu
    found["wall_s"] = time.perf_counter() - wall
    found["peak_kb"] = memory_kb("VmHWM")


def say(found: dict[str, Any]) -> None:
    """Print the line that :func:`bench.measure.run` looks for."""
    print(json.dumps(found), flush=True)
