"""``experiments`` of a row: the model runs that it is in, with what they say of it.

``{"<model id>": {"name", "runs": {"<run id>": {"name", "run_data_row_id", "annotation_group_id", "labels",
"predictions", "split"}}}}``; every key may be missing, and a part that was left out of a file takes nothing away. Keys
that a model or a run does not have are handed back where they stood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from connections.rows import backup
from connections.rows.checks import BadMark, number, shown
from connections.rows.frames import objects_of
from connections.store.import_row import IncomingLabel, IncomingPredictions, IncomingRun
from connections.store.importers.backup import UsedClasses, check_all_taken
from connections.store.models import MAX_RUN_ID

KEY: Final = "experiments"
# it stands in addresses
_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.:-]{{0,{MAX_RUN_ID - 1}}}")
_MAX_NAME: Final = 500
_MAX_SPLIT: Final = 40
_Json = dict[str, Any]
ReadLabel = Callable[[Any, int, _Json], IncomingLabel]


def check_run_id(value: Any, what: str) -> str:
    """An id of a model or a run. Raises :class:`BadMark`."""
    if type(value) is not str or not _ID.fullmatch(value):
        raise BadMark(
            f"{what} is {shown(value)}; expected 1 to {MAX_RUN_ID} letters, digits and _.:-, a letter or digit first"
        )
    return value


def take_experiments(
    value: Any, media: _Json, read_label: ReadLabel, used_classes: UsedClasses
) -> tuple[list[IncomingPredictions], list[IncomingLabel], _Json]:
    """``(what each run says of the row, the labels that the runs show beside it, unknown keys)``, the last in the shape
    of ``value``. Raises :class:`BadMark`.
    """
    found: list[IncomingPredictions] = []
    unknown: _Json = {}
    labels: dict[str | None, IncomingLabel] = {}
    for model_id, model in _entries(value, KEY):
        check_run_id(model_id, f"the model id in {KEY}")
        unknown_of_runs: _Json = {}
        for run_id, run in _entries(model.pop("runs", None), f"{KEY}[{model_id!r}].runs"):
            what = f"model run {shown(run_id)}"
            check_run_id(run_id, f"the run id in {KEY}[{model_id!r}]")
            for place, each in enumerate(_list(run.pop("labels", None), f"{what}: labels")):
                label = read_label(each, place, media)
                labels.setdefault(label.label_id or f"\0{len(labels)}", label)
            ours = _object(run.pop(backup.KEY, None), f"{what}: {backup.KEY}")
            said = IncomingPredictions(
                run=IncomingRun(
                    run_id=run_id,
                    model_id=model_id,
                    name=_text(run.pop("name", None), f"{what}: name", _MAX_NAME),
                    model_name=_text(model.get("name"), f"{KEY}[{model_id!r}].name", _MAX_NAME),
                ),
                labels=_predictions(run, what, media, read_label),
                split=_text_or_none(run.pop("split", None), f"{what}: split", _MAX_SPLIT),
                annotation_group_id=_text_or_none(
                    run.pop("annotation_group_id", None), f"{what}: annotation_group_id", MAX_RUN_ID
                ),
                run_data_row_id=_text_or_none(run.pop("run_data_row_id", None), f"{what}: run_data_row_id", MAX_RUN_ID),
                classes=used_classes.take(ours),
            )
            check_all_taken(ours, f"{what}: ")
            if run:
                unknown_of_runs[run_id] = run
            found.append(said)
        model.pop("name", None)
        if unknown_of_runs:
            model["runs"] = unknown_of_runs
        if model:
            unknown[model_id] = model
    return found, list(labels.values()), unknown


def check_confidences(label: IncomingLabel, what: str) -> None:
    """A confidence is a number from 0 to 1, or is not said. Raises :class:`BadMark`."""
    for place, mark in enumerate(objects_of({"objects": label.objects, **label.more_annotations}), 1):
        if mark.get("confidence") is None:
            continue
        here = f"{what}, object {place}: confidence"
        if not 0 <= number(mark["confidence"], here) <= 1:
            raise BadMark(f"{here} is {shown(mark['confidence'])}; expected a number from 0 to 1")


def _predictions(run: _Json, what: str, media: _Json, read_label: ReadLabel) -> list[IncomingLabel] | None:
    if "predictions" not in run:
        return None
    labels = []
    for place, each in enumerate(_list(run.pop("predictions"), f"{what}: predictions")):
        try:
            label = read_label(each, place, media)
        except BadMark as error:
            raise BadMark(f"{what}, prediction: {error}") from None
        check_confidences(label, f"{what}, prediction {place + 1}")
        labels.append(label)
    return labels


def _entries(value: Any, what: str) -> Iterator[tuple[str, _Json]]:
    for key, each in _object(value, what).items():
        yield key, dict(_object(each, f"{what}[{shown(key)}]"))


def _object(value: Any, what: str) -> _Json:
    if value is None:
        return {}
    if type(value) is not dict:
        raise BadMark(f"{what} is not an object but {shown(value)}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if type(value) is not list:
        raise BadMark(f"{what} is not a list but {shown(value)}")
    return value


def _text(value: Any, what: str, longest: int) -> str:
    return _text_or_none(value, what, longest) or ""


def _text_or_none(value: Any, what: str, longest: int) -> str | None:
    if value is None:
        return None
    if type(value) is not str or len(value) > longest:
        raise BadMark(f"{what} is {shown(value)}; expected a text of at most {longest} characters")
    return value
