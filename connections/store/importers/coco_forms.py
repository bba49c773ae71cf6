"""What COCO files say, and what becomes of it."""

from __future__ import annotations

from typing import Final

from connections.rows.kinds import BOX, MASK, POLYGON
from connections.store.importers.forms import CARRIED, READ, REFUSED, Form

FORMS: Final = (
    Form(BOX, READ, ("bbox",), "where there is no segmentation"),
    Form(BOX, REFUSED, ("bbox",), "with a negative side, or without four numbers"),
    Form(POLYGON, READ, ("segmentation: a list",), "one ring or several; a closed ring stays closed"),
    Form(POLYGON, REFUSED, ("segmentation: a list",), "a ring of less than three points, or of half a point"),
    Form(MASK, READ, ("segmentation: counts and size",), "run lengths, as a list or compressed"),
    Form(MASK, REFUSED, ("segmentation: counts and size",), "of another size than the image"),
    Form("Annotations", READ, ("bbox", "area"), "beside a segmentation: printed again while they fit it"),
    Form("Annotations", READ, ("iscrowd",), "false, null and 0.0 are 0; true is 1"),
    Form("Annotations", CARRIED, ("keypoints", "any further key"), "COCO prints them again"),
    Form("Annotations", REFUSED, ("area", "iscrowd"), "a negative area; an iscrowd that is neither 0 nor 1"),
    Form("Annotations", REFUSED, ("category_id",), "of no category in the file"),
    Form("Annotations", REFUSED, ("image_id",), "of no image in the file; where most are so, the file is refused"),
    Form(
        "Ids",
        READ,
        ("id", "image_id", "category_id"),
        'from 0 to 2^63 - 1; 1.0 is 1, and "1" where nothing is called "1"',
    ),
    Form("Ids", CARRIED, ("id",), "a text, a negative or a taken one: the new id is noted, the old one is source_id"),
    Form("Pictures", READ, ("file_name", "coco_url", "path"), "what the image is recognised by, in this order"),
    Form("Pictures", REFUSED, ("file_name",), "none of the three, or no text"),
    Form("Files", CARRIED, ("info", "licenses", "any further list"), "COCO prints them again; of several files, by id"),
    Form("Files", REFUSED, ("caption", "segments_info", "videos"), "captions, panoptic segments, videos"),
)
