"""What an export is of, in Diffgram's words: one rule for ``export_info`` of the file and for the list of exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from connections.rows.diffgram import DIRECTORY, JOB
from connections.rows.review_statuses import DONE, REVIEW_STATUSES, statuses_in
from exportadmin.lib.times import to_datetime

TASK: Final = "task"
_DONE: Final = statuses_in([DONE])
_NOT_DONE: Final = frozenset(REVIEW_STATUSES) - _DONE
_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A job or directory: ``key`` is the id of its batch or dataset, empty for all rows of the project; ``complete`` of
    its ``files`` are done. ``created_ms`` and ``updated_ms`` are the first and the last of its rows, ``None`` without
    any. A file does not know its figures: there all of them are ``None``."""

    id: int
    key: str
    name: str
    files: int | None = None
    complete: int | None = None
    created_ms: int | None = None
    updated_ms: int | None = None

    @property
    def status(self) -> str | None:
        """In the words of a job."""
        return None if self.files is None else "complete" if self.complete == self.files else "active"


class Chosen(NamedTuple):
    """``job``: the id of the one batch that was chosen; ``datasets``: their ids or names; ``task``: the number of the
    one row."""

    source: str
    job: str | None
    datasets: frozenset[str]
    task: int | None
    ann_is_complete: bool | None


def chosen_by(conditions: Mapping[str, Any]) -> Chosen:
    """Of parsed conditions (:attr:`exports.spec.selection.Selection.conditions`), whoever asked with them. What
    Diffgram has no word for, several batches or rows by their keys, is an export of a directory."""
    batches: frozenset[str] = conditions.get("batch_ids") or frozenset()
    first, last = conditions.get("row_numbers") or (None, None)
    task = first if first == last else None
    job = next(iter(batches)) if len(batches) == 1 and task is None else None
    statuses = frozenset(REVIEW_STATUSES)
    if (groups := conditions.get("workflow_status")) is not None:
        statuses &= statuses_in(groups)
    if (some := conditions.get("statuses")) is not None:
        statuses &= some
    return Chosen(
        TASK if task is not None else DIRECTORY if job is None else JOB,
        job,
        conditions.get("dataset_ids") or frozenset(),
        task,
        {_DONE: True, _NOT_DONE: False}.get(statuses),
    )


def export_json(
    number: int, report_id: str, chosen: Chosen, *, whole: Place, dataset: Place | None, job: Place | None
) -> _Json:
    """The keys that both have. ``whole`` is the directory of all of the project, ``dataset`` the one that was chosen;
    what is no longer there is ``null``. Beyond Diffgram's keys it has ``report_id``."""
    directory = dataset if chosen.datasets else whole
    return {
        "id": number,
        "kind": "Annotations",
        "masks": False,
        "source": chosen.source,
        "file_comparison_mode": "latest",
        "directory": directory and directory_json(directory),
        "job": job and job_json(job, whole),
        "task": None if chosen.task is None else {"id": chosen.task},
        "ann_is_complete": chosen.ann_is_complete,
        "report_id": report_id,
    }


def directory_json(place: Place) -> _Json:
    """A directory. No job takes its files from one: a batch may have files of several datasets."""
    return {
        "id": place.id,
        "directory_id": place.id,
        "nickname": place.name,
        "jobs_to_sync": {"job_ids": []},
        "has_changes": None,
        "created_time": _iso(place.created_ms),
    }


def job_json(place: Place, whole: Place) -> _Json:
    """A job, as lists have it; ``whole`` is the directory of all of its project."""
    left = None if place.files is None or place.complete is None else place.files - place.complete
    return {
        "id": place.id,
        "cache_info": None,
        "name": place.name,
        "time_created": _text(place.created_ms),
        "time_updated": _text(place.updated_ms),
        "time_completed": "None",
        "status": place.status,
        "type": "Normal",
        "instance_type": None,
        "is_pinned": False,
        "label_schema_id": whole.id,
        "label_schema": None,
        "is_live": True,
        "attached_directories_dict": None,
        "file_count_statistic": None,
        "stat_count_tasks": place.files,
        "stat_count_complete": place.complete,
        "stat_count_available": left,
        "share_type": "project",
        "waiting_to_be_launched": None,
        "launch_datetime": _text(place.created_ms),
        "completion_directory_id": whole.id,
        "completion_directory": {"id": whole.id, "nickname": whole.name},
        "output_dir_action": None,
        "interface_connection": None,
        "label_dict": None,
        "member_list_ids": None,
    }


def _iso(ms: int | None) -> str | None:
    return None if ms is None else to_datetime(ms).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _text(ms: int | None) -> str:
    """As Diffgram prints times inside a job, and that there is none."""
    return "None" if ms is None else to_datetime(ms).strftime("%Y-%m-%d %H:%M:%S")
