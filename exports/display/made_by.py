"""Who made a report's files, in words, where it was not this program."""

from __future__ import annotations

from dataclasses import dataclass

from connections.platforms import PLATFORMS
from exportadmin.lib.errors import UserError
from exports.models import ExportReport
from exports.spec.platform_export import platform_of
from exports.spec.spec import ExportSpec


@dataclass(frozen=True, slots=True)
class MadeBy:
    """``place`` is where the platform delivered it itself; empty: it was fetched. ``sentence`` says it for people."""

    title: str
    remote_id: str
    remote_name: str
    place: str
    sentence: str


def made_by(report: ExportReport) -> MadeBy | None:
    """``None``: this program wrote the files."""
    if not report.made_by:
        return None
    title = PLATFORMS[report.made_by].title if report.made_by in PLATFORMS else report.made_by
    place = _place(report) if report.is_there else ""
    if not report.is_there:
        sentence = f"Made by {title}, fetched and delivered as it is."
    elif not report.is_delivered:
        sentence = f"Made and delivered by {title} itself."
    elif report.is_proved:
        sentence = f"Made and delivered by {title} itself; its files were read there, and are proved."
    else:
        sentence = f"Delivered by {title}, not proved: nothing of this project reaches that place."
    return MadeBy(title, report.remote_id, report.remote_name, place, sentence)


def _place(report: ExportReport) -> str:
    try:
        wanted = ExportSpec.from_json(report.config, report.project).platform_export
        return platform_of(report.project).delivers_to(wanted.wanted("")) if wanted else ""
    except UserError:  # of a platform that there is not any more
        return ""
