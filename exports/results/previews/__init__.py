"""Previews of rows, one file a medium and a line here, all drawn on the server and without a script.

Each gives a figure and the same as the lines of a table. All are bounded, and say what they leave out; a row that is
malformed keeps its preview, which says what could not be read.
"""

from __future__ import annotations

from exportadmin.lib.registry import Registry
from exports.results.previews.audio import AudioPreview
from exports.results.previews.base import Preview
from exports.results.previews.conversation import ConversationPreview
from exports.results.previews.document import DocumentPreview
from exports.results.previews.geospatial import GeospatialPreview
from exports.results.previews.html import HtmlPreview
from exports.results.previews.image import ImagePreview
from exports.results.previews.llm import LlmPreview
from exports.results.previews.other import OtherPreview
from exports.results.previews.text import TextPreview
from exports.results.previews.video import VideoPreview

PREVIEWS: Registry[Preview] = Registry(
    "preview",
    {
        ImagePreview.key: ImagePreview(),
        VideoPreview.key: VideoPreview(),
        AudioPreview.key: AudioPreview(),
        TextPreview.key: TextPreview(),
        ConversationPreview.key: ConversationPreview(),
        DocumentPreview.key: DocumentPreview(),
        HtmlPreview.key: HtmlPreview(),
        GeospatialPreview.key: GeospatialPreview(),
        LlmPreview.key: LlmPreview(),
        OtherPreview.key: OtherPreview(),
    },
)


def preview_of(medium: str) -> Preview:
    """That of a medium; of what nothing says, or says otherwise, the one that shows what can be shown of anything."""
    return PREVIEWS.get(medium) or PREVIEWS[OtherPreview.key]
