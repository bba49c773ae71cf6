"""Masks of which only the address of their picture is known: ``"mask": {"url"}``, or ``"composite_mask": {"url",
"color_rgb"}``, the pixels of one colour in a picture that several share. They are carried; no format can draw them."""

from __future__ import annotations

from connections.rows.kinds.base import Kind


class MaskAddress(Kind):
    """The kind of a mask's annotation while its pixels are not there (:mod:`connections.rows.kinds.mask`)."""

    key = "mask_address"
    letter = "g"
    title = "Address of a mask"
    where = "as it is"
