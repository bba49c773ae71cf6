"""Rows that are in runs of models: ``experiments`` in the place of their ``projects``, or beside them.

``{"<model id>": {"name", "runs": {"<run id>": {"name", "run_data_row_id", "annotation_group_id", "labels",
"predictions", "split"}}}}``, as Labelbox writes them: ``labels`` are those of the row, in every run; the part
:data:`PREDICTIONS` switches ``predictions``, :data:`MODEL_RUN_DETAILS` both ``annotation_group_id`` and ``split``.
Spliced into marked bodies (:mod:`connections.rows.body`) without parsing any of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from connections.rows.backup import PART as BACKUP_PART
from connections.rows.batch import MODEL_RUN_DETAILS, PREDICTIONS
from connections.rows.body import BACKUP, SEAM

KEY: Final = "experiments"

_PROJECTS: Final = SEAM + b',"projects":{'
_LABELS: Final = b'"labels":['
_TAGS: Final = b'],"project_tags":'
_PROJECT_DETAILS: Final = SEAM + b',"project_details":'
_dumps = orjson.dumps


class Run(NamedTuple):
    """A run of a model."""

    model_id: str
    model_name: str
    run_id: str
    name: str


class RunOfRow(NamedTuple):
    """What a run says of a row. ``predictions`` is a JSON list with marked parts, ``class_counts`` counts them
    (:mod:`connections.rows.counts`), ``unscored`` those of them without a confidence, and ``used`` are the numbers of
    their classes (:func:`connections.rows.backup.used_ids`). Without the part :data:`PREDICTIONS` these four are empty,
    and without :data:`MODEL_RUN_DETAILS` the two before them. ``labels`` is such a list of the labels that go with it,
    ``None`` where they are those of the row that is spliced."""

    run: Run
    run_data_row_id: str
    annotation_group_id: str = ""
    split: str = ""
    predictions: bytes = b""
    class_counts: str = ""
    unscored: str = ""
    used: bytes = b""
    labels: bytes | None = None


def with_experiments(
    bodies: Sequence[bytes],
    runs: Sequence[Sequence[RunOfRow]],
    parts: Collection[str],
) -> list[bytes]:
    """Marked bodies with the runs that each row is in, in the place of their projects."""
    return [_spliced(body, of_row, parts) for body, of_row in zip(bodies, runs, strict=True)]


def members_of(runs: Sequence[RunOfRow], parts: Collection[str]) -> bytes:
    """The members of ``experiments``, for :func:`connections.rows.body.join_body`."""
    return b",".join([_model(runs_of_model, b"[]", parts) for runs_of_model in _by_model(runs)])


def labels_within(project: bytes) -> bytes:
    """The JSON list of labels of a project's entry, as :func:`connections.rows.body.split_body` gives it."""
    return _labels_within(project, 0, project.rindex(_PROJECT_DETAILS))


def labels_shown(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The labels of a printed row that has ``experiments`` in the place of its projects."""
    for model in document[KEY].values():
        for run in model["runs"].values():
            labels: list[dict[str, Any]] = run["labels"]
            return labels
    return []


def _spliced(body: bytes, runs: Sequence[RunOfRow], parts: Collection[str]) -> bytes:
    begin = body.index(_PROJECTS) + len(SEAM)
    details = body.rindex(_PROJECT_DETAILS)
    end = body.index(SEAM, details + len(SEAM)) + len(b"\x1e}}")
    labels = _labels_within(body, begin, details)
    return b'%b,"experiments":{%b}%b' % (
        body[:begin],
        b",".join([_model(runs_of_model, labels, parts) for runs_of_model in _by_model(runs)]),
        body[end:],
    )


def _by_model(runs: Sequence[RunOfRow]) -> Sequence[list[RunOfRow]]:
    models: dict[str, list[RunOfRow]] = {}
    for each in runs:
        models.setdefault(each.run.model_id, []).append(each)
    return list(models.values())


def _model(runs: Sequence[RunOfRow], labels: bytes, parts: Collection[str]) -> bytes:
    first = runs[0].run
    return b'%b:{"name":%b,"runs":{%b}}' % (
        _dumps(first.model_id),
        _dumps(first.model_name),
        b",".join([_run(each, labels, parts) for each in runs]),
    )


def _run(each: RunOfRow, labels: bytes, parts: Collection[str]) -> bytes:
    chunks = [
        b'%b:{"name":%b,"run_data_row_id":%b'
        % (_dumps(each.run.run_id), _dumps(each.run.name), _dumps(each.run_data_row_id))
    ]
    with_details = MODEL_RUN_DETAILS in parts
    if with_details and each.annotation_group_id:
        chunks.append(b',"annotation_group_id":%b' % _dumps(each.annotation_group_id))
    chunks.append(b',"labels":%b' % (labels if each.labels is None else each.labels))
    if PREDICTIONS in parts:
        chunks.append(b',"predictions":%b' % each.predictions)
    if with_details and each.split:
        chunks.append(b',"split":%b' % _dumps(each.split))
    if each.used and BACKUP_PART in parts:
        chunks.append(b'%b,"%b":{%b}%b' % (SEAM, BACKUP.encode(), each.used[1:], SEAM))
    chunks.append(b"}")
    return b"".join(chunks)


def _labels_within(body: bytes, begin: int, end: int) -> bytes:
    """The JSON list of the project's labels, which stands in front of its tags."""
    begin = body.index(_LABELS, begin) + len(_LABELS) - 1
    place = body.index(_TAGS, begin, end)
    while not _is_list(body[place + len(_TAGS) : end]):
        # a label that has itself a key of this name
        place = body.index(_TAGS, place + 1, end)
    return body[begin : place + 1]


def _is_list(text: bytes) -> bool:
    if text == b"[]":
        return True
    try:
        return isinstance(orjson.loads(text), list)
    except orjson.JSONDecodeError:
        return False
