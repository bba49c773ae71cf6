"""A page as a browser reads it: where a template breaks its lines is no matter of what it shows."""

from __future__ import annotations

import re
from typing import Any

_BLOCKS = (
    "address|article|aside|body|blockquote|caption|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head"
    "|header|html|legend|li|main|nav|ol|optgroup|option|p|section|select|summary|table|tbody|td|tfoot|th|thead|title|tr|ul"
)
_BESIDE_A_BLOCK = re.compile(rf"\s*(</?(?:{_BLOCKS})\b(?:[^<>\"]|\"[^\"]*\")*>)\s*")


_AS_WRITTEN = re.compile(r"(<(pre|textarea)\b.*?</\2>)", re.S)


def squeezed(page: str) -> str:
    """`page` with one blank for each run of whitespace, and none where none shows: beside blocks, before a tag's end.

    What stands in <pre> and <textarea> stays as it is.
    """
    pieces = _AS_WRITTEN.split(page)
    return "".join(
        (_squeezed(pieces[at]) + (pieces[at + 1] if at + 1 < len(pieces) else "")) for at in range(0, len(pieces), 3)
    )


def _squeezed(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" (?=>)", "", text)
    return _BESIDE_A_BLOCK.sub(r"\1", text)


def page_html(response: Any) -> str:
    """The body of an answer, squeezed."""
    return squeezed(response.content.decode())
