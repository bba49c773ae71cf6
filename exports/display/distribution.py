"""Who was given an export's files: the newest links and downloads, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exports.models import Download, ExportReport, Link

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Newest:
    """``rows`` newest first, downloads each with how it ended in a word; ``count`` all that there are."""

    rows: Sequence[Link] | Sequence[tuple[Download, str]]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.rows)


def links_of(report: ExportReport) -> Newest:
    """Two queries."""
    links = Link.objects.filter(artifact__report=report)
    newest = list(links.select_related("artifact", "for_user").defer("signature")[:SHOWN])
    for link in newest:
        link.artifact.report = report  # a link's state asks it
    return Newest(newest, links.count())


def downloads_of(report: ExportReport) -> Newest:
    """Two queries."""
    downloads = Download.objects.filter(artifact__report=report)
    newest = downloads.select_related("artifact")[:SHOWN]
    return Newest([(one, one.ending or "running, or its process died") for one in newest], downloads.count())
