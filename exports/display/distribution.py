"""Who was given an export's files: the newest links and downloads, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from exports.models import Download, ExportReport, Link

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Newest:
    """``rows`` newest first, each a pair of the thing and its state in a word; ``count`` all that there are."""

    rows: Sequence[tuple[Link, str] | tuple[Download, str]]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.rows)


def links_of(report: ExportReport) -> Newest:
    """Two queries."""
    links = Link.objects.filter(artifact__report=report)
    newest = links.select_related("artifact", "for_user").defer("artifact__line_index", "signature")[:SHOWN]
    return Newest([(link, link_state(link)) for link in newest], links.count())


def link_state(link: Link) -> str:
    """``revoked``, ``used``, ``expired`` or ``good``."""
    if link.revoked_at is not None:
        return "revoked"
    if link.one_time and link.used_at is not None:
        return "used"
    return "expired" if link.expires_at <= timezone.now() else "good"


def downloads_of(report: ExportReport) -> Newest:
    """Two queries."""
    downloads = Download.objects.filter(artifact__report=report)
    newest = downloads.select_related("artifact").defer("artifact__line_index")[:SHOWN]
    return Newest([(one, one.ending or "running, or its process died") for one in newest], downloads.count())
