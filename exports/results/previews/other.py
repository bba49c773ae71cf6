"""Rows of which nothing says what they are: their annotations as a table, and their shapes where these are a
picture's."""

from __future__ import annotations

from exports.results.previews.image import ImagePreview


class OtherPreview(ImagePreview):
    key = "other"
