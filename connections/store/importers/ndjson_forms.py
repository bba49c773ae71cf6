"""What rows say, and what becomes of it; the kinds are those of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connections.rows.kinds import CLASSIFICATION, KINDS, MASK_ADDRESS, OTHER, SEGMENT
from connections.store.importers.forms import CARRIED, READ, REFUSED, Form


def forms() -> Iterator[Form]:
    """In the order of the kinds."""
    for kind in KINDS.values():
        if kind is SEGMENT:  # no file names it
            yield Form(kind, CARRIED, ("segments",), kind.where)
        elif kind.annotation_kinds:
            yield Form(kind, READ, kind.annotation_kinds, kind.where)
    yield from _OTHERS


_OTHERS: Final = (
    Form(CLASSIFICATION, READ, ("radio_answer", "checklist_answers", "text_answer"), "with the answers below them"),
    Form(
        CLASSIFICATION,
        READ,
        ("conversational_radio_answer", "conversational_checklist_answers", "conversational_text_answer"),
        "with the message_id that they are about",
    ),
    Form(MASK_ADDRESS, CARRIED, ("composite_mask", "mask.url"), "no format draws it: a sync fetches the pixels"),
    Form(OTHER, CARRIED, ("any other annotation_kind",), "with its class; CSV has all that it says as geometry"),
    Form("Annotations", READ, ("frames",), "of a video: counted frame by frame"),
    Form("Annotations", READ, ("groups", "timestamp"), "of a scan, of sound: counted frame by frame, moment by moment"),
    Form("Annotations", READ, ("key_frame_feature_map",), "lists of frames; {frame: true} becomes such a list"),
    Form("Annotations", CARRIED, ("any further key",), "where they stood, or under source_extra"),
    Form("Annotations", REFUSED, ("annotation_kind", "name"), "missing; a geometry that is not as its kind has it"),
    Form("Labels", READ, ("performance_details.skipped",), "a skipped label: in no export unless it is asked for"),
    Form("Rows", READ, ("workflow_status",), "ours, or Labelbox's names of them"),
    Form("Rows", REFUSED, ("workflow_status",), "that nobody knows"),
    Form("Ids", READ, ("id", "feature_id", "global_key"), "texts, or whole numbers, which are kept as texts"),
)
