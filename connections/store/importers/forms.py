"""What files say in the wild, and what becomes of it: each importer declares it, the help shows it in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connections.rows.kinds.base import Kind

READ: Final = "read"
CARRIED: Final = "carried"
REFUSED: Final = "refused"
# what becomes of a form → its sentence
BECOMES: Final[dict[str, str]] = {
    READ: "Read with its meaning: conditions, counts and every format that can hold it know it.",
    CARRIED: "Kept as it came, and given out again by json and ndjson. Counted; no other format knows what it means.",
    REFUSED: "Refused with its place in the file and the reason. The row that it belongs to stays out with it.",
}


@dataclass(frozen=True, slots=True)
class Form:
    """One way to say something. ``subject`` is the kind of annotation that it is or becomes, else what it is about;
    ``written`` are the names under which it stands in the file; ``becomes`` is one of :data:`BECOMES`."""

    subject: Kind | str
    becomes: str
    written: tuple[str, ...]
    text: str = ""

    @property
    def title(self) -> str:
        """Of the subject."""
        return self.subject if isinstance(self.subject, str) else self.subject.title
