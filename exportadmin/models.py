"""Tables of the project itself: what every process on every machine has to know, and no app has for itself."""

from exportadmin.lib.counts import HitCount
from exportadmin.operations.key_prints import KeyPrint
from exportadmin.runs.turns import RunTurn
from exportadmin.runs.worker_seen import WorkerMark

__all__ = ["HitCount", "KeyPrint", "RunTurn", "WorkerMark"]
