"""Text that both databases, UTF-8 files and JSON can hold."""

from __future__ import annotations

from exportadmin.lib.errors import UserError


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


def one_line(message: object) -> str:
    """What an exception (or any text) says, on one line: each run of blanks and line breaks becomes one blank."""
    return " ".join(str(message).split())
