"""Text that both databases, UTF-8 files and JSON can hold."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from exportadmin.lib.errors import UserError

# control characters, line and paragraph separators
_NO_LINE: Final = frozenset({"Cc", "Zl", "Zp"})
# characters that turn the direction of what follows, or break the line
TURNS: Final = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_ORDERS: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{TURNS}]")


def check_text(text: str, field: str) -> str:
    """The text itself. Raises :class:`UserError` for U+0000 (PostgreSQL) and half surrogate pairs (UTF-8)."""
    if "\x00" in text:
        raise UserError(f"{field} holds U+0000, which cannot be stored", field=field)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{field} holds half a character (U+{ord(text[error.start]):04X}), which is no valid Unicode", field=field
        ) from None
    return text


def check_line(text: str, field: str) -> str:
    """One line that may stand in a list, a log and a terminal: as :func:`check_text`, and no control characters."""
    check_text(text, field)
    for character in text:
        if unicodedata.category(character) in _NO_LINE:
            shown = f"U+{ord(character):04X}"
            raise UserError(f"{field} holds {shown}, a control character: it is one line of plain text", field=field)
    return text


def one_line(message: object) -> str:
    """What an exception (or any text) says, on one line: each run of blanks and line breaks becomes one blank."""
    return " ".join(str(message).split())


def without_orders(text: str) -> str:
    """For a terminal, which would carry out what a name of a class may hold: escape sequences, and what turns around
    the text that follows. Tabs and line feeds stay."""
    return _ORDERS.sub("\ufffd", text)


def as_sentence(text: str) -> str:
    """With a capital and a full stop; what begins with a name of its own (``https://…``, ``arn:aws:…``) keeps it."""
    text = text.strip()
    first = text.partition(" ")[0].rstrip(",;")
    if first.isalpha() or "'" in first:
        text = f"{text[:1].upper()}{text[1:]}"
    return text if not text or text[-1] in ".!?…" else f"{text}."
