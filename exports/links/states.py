"""What may have become of a link (:attr:`exports.models.Link.state`), in words and colours for people."""

from __future__ import annotations

from typing import Final

from exports.models.link import EXPIRED, OPEN, REMOVED, REVOKED, USED

# state → (word on screen, Tabler colour, one sentence)
LABELS: Final[dict[str, tuple[str, str, str]]] = {
    OPEN: ("Open", "green", "The address hands out the file."),
    USED: ("Used", "secondary", "Good for one download, which has been made."),
    EXPIRED: ("Expired", "secondary", "Its time is over."),
    REVOKED: ("Revoked", "red", "Somebody ended it before its time."),
    REMOVED: ("File removed", "yellow", "The file behind it is not kept any more."),
}
