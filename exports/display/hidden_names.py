"""What a report holds of projects that it read beside its own, and is told to whoever may see all of these: classes,
and what its scope meant (what a slice selected, which model runs there were). What was asked for is told to all who see
the report, and so are its figures. ``known`` are public ids of projects, as
:func:`exports.handing_out.others_known` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from exports.models import ExportReport
from exports.spec.scope import SETTLED

_BY_CLASS: Final = "annotations_by_class"


def hides(report: ExportReport, known: frozenset[str] | None) -> bool:
    """Did it read a project that is none of them?"""
    return known is not None and not known.issuperset(report.other_projects)


def as_asked(config: Mapping[str, Any]) -> dict[str, Any]:
    """A frozen description without what its scope meant."""
    return {key: value for key, value in config.items() if key != SETTLED}


def check_values_shown(report: ExportReport, known: frozenset[str] | None) -> dict[str, Any] | None:
    """A report's check values, where not all is told without the counts by class."""
    values: dict[str, Any] | None = report.check_values
    if values is None or not hides(report, known):
        return values
    left = {key: value for key, value in values.items() if key != _BY_CLASS}
    if isinstance(predictions := left.get("predictions"), Mapping):
        left["predictions"] = {key: value for key, value in predictions.items() if key != "by_class"}
    return left
