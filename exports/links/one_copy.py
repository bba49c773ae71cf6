"""How much of a one-time link's file was handed out, and how much may still be.

A one-time link hands out one copy. A download reserves what it asks for and gives back what it did not send, so that at
any time ``handed`` is at most the file's bytes and

* what downloads that broke off may have lost on the way: bytes that we had sent when the connection broke and that
  never arrived, which whoever goes on with such a download has to ask for again;
* a little for programs that look at the first bytes, or the last ones, before they take the file (:func:`probes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Case, Count, F, Q, Sum, Value, When
from django.db.models.functions import Least
from django.utils import timezone

from exportadmin.audit.models import FAILED
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exports.models import Download, Link
from exports.models.link import COMPLETE, FELL_SILENT, SILENCE

# what the buffers of both ends of a connection may hold, generously
ON_THE_WAY: Final = 16 << 20
MOST_PROBES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Use:
    """Bytes of the file of ``size``: ``handed`` counts what ended downloads sent and what running ones asked for,
    ``sent`` the former alone; ``lost`` is what may not have arrived of those that broke off.
    """

    size: int
    downloads: int
    running: int
    handed: int
    sent: int
    lost: int

    @property
    def copy(self) -> int:
        """What one copy may cost; never two whole ones."""
        return self.size + min(self.lost, self.size)

    @property
    def is_up(self) -> bool:
        """Is all of it handed out, or being handed out?"""
        return self.downloads > 0 and self.handed >= self.copy

    def has_room_for(self, wanted: int) -> bool:
        """May ``wanted`` bytes more be handed out?"""
        return self.handed + wanted <= self.copy + probes(self.size)


def probes(size: int) -> int:
    """A hundredth of the file; of small ones a few bytes, of big ones 64 KiB; never more than half."""
    return min(MOST_PROBES, max(size // 100, min(16, size // 2)))


def use_of(link: Link) -> Use:
    """One query over the link's downloads."""
    running = Download.running()
    sums = link.downloads.aggregate(
        downloads=Count("pk"),
        running=Count("pk", filter=running),
        handed=Sum(Case(When(running, then=F("bytes_requested")), default=F("bytes_sent"))),
        sent=Sum("bytes_sent", filter=~running),
        lost=Sum(Least(F("bytes_sent"), Value(ON_THE_WAY)), filter=~running & ~Q(ending=COMPLETE)),
    )
    return Use(size=link.artifact.bytes, **{name: int(value or 0) for name, value in sums.items()})


def end_silent(link: Link) -> None:
    """Write down the end of downloads that show no life any more: their process was killed.

    One that lives after all finds itself ended and stops. Call it in the transaction that holds the link's row.
    """
    for download in link.downloads.filter(ended_at=None).exclude(Download.running()):
        link.downloads.filter(pk=download.pk).update(ended_at=timezone.now(), ending=FELL_SILENT)
        record(
            "artifact.download_ended",
            actor=system("link"),
            project=link.artifact.report.project,
            obj=link.artifact,
            outcome=FAILED,
            reason=f"no sign of life for {SILENCE.seconds} seconds",
            details={
                "download": download.public_id,
                "ending": FELL_SILENT,
                "bytes_sent": download.bytes_sent,
                "bytes_requested": download.bytes_requested,
                "link": link.public_id,
            },
        )


def is_handed_out(link: Link) -> bool:
    """Has every byte of the file left, in whatever parts?

    How far one got that fell silent nobody knows; where another download goes on within what that one was asked for,
    its beginning is taken for the place.
    """
    size = link.artifact.bytes
    ended = link.downloads.filter(ended_at__isnull=False)
    if not ended.filter(first_byte__gte=size - F("bytes_sent")).exists():
        return False
    reached = unsure = 0
    parts = ended.order_by("first_byte", "pk").values_list("first_byte", "bytes_sent", "bytes_requested", "ending")
    for first, sent, wanted, ending in parts.iterator():
        if first > max(reached, unsure):
            return False
        reached = max(reached, first + sent)
        if ending == FELL_SILENT:
            unsure = max(unsure, first + wanted)
    return reached >= size
