"""What sort of media a row has: what is believed, in which order, and that nothing is guessed."""

from __future__ import annotations

import pytest

from connections.rows.media_types import MEDIA_TYPES, kinds_in, media_type_of

# Labelbox's names of mediaTypeOverride → ours
OVERRIDES = {
    "AUDIO": "audio",
    "CONVERSATIONAL": "conversational",
    "PDF": "document",
    "TMS_GEO": "geospatial",
    "HTML": "html",
    "IMAGE": "image",
    "TMS_SIMPLE": "geospatial",
    "TEXT": "text",
    "VIDEO": "video",
    "POINT_CLOUD": "",
    "LLM": "llm",
}


@pytest.mark.parametrize(("name", "key"), OVERRIDES.items())
def test_labelbox_names_of_media_are_ours(name, key):
    assert media_type_of({"asset_type": name}, "https://x.example.test/1.jpg", ()) == key
    assert media_type_of({"asset_type": key}, "", ()) == key


def test_every_name_of_labelbox_stands_for_one_medium():
    names = [name for each in MEDIA_TYPES.values() for name in each.labelbox]
    assert sorted(names) == sorted(name for name, key in OVERRIDES.items() if key)


@pytest.mark.parametrize(
    ("media", "address", "key"),
    [
        ({"asset_type": "image", "mime_type": "video/mp4"}, "", "image"),
        ({"asset_type": "text", "mime_type": "text/html"}, "", "html"),
        ({"asset_type": "text", "mime_type": "text/csv"}, "", "text"),
        ({"asset_type": "application", "mime_type": "application/pdf"}, "", "document"),
        ({"asset_type": "application", "mime_type": "application/zip"}, "a/b.png", ""),
        ({"asset_type": "point_cloud", "mime_type": "image/png"}, "a/b.png", ""),
        ({"mime_type": "text/html; charset=utf-8"}, "", "html"),
        ({"mime_type": "application/dicom"}, "scan.png", ""),
        ({"mime_type": "application/octet-stream"}, "https://x.example.test/a.mp4?Expires=1", "video"),
        ({"mime_type": "application/vnd.labelbox.conversational"}, "", "conversational"),
        ({"asset_type": 5}, "https://x.example.test/a.wav", "audio"),
        ({}, "gs://bucket/paper.pdf", "document"),
        ({}, "page.html", "html"),
        ({}, "https://x.example.test/a.json", ""),
        ({}, '{"pdf_url": "https://x.example.test/a.pdf", "text_layer_url": null}', "document"),
        ({}, '{"tile_layer_url": "https://x.example.test/{z}/{x}/{y}.png", "epsg": "EPSG4326"}', "geospatial"),
        ({}, "A sentence with image.png in it.", ""),
        ({}, "", ""),
    ],
)
def test_what_the_source_says_is_believed_in_its_order(media, address, key):
    assert media_type_of(media, address, ()) == key


@pytest.mark.parametrize(
    ("annotations", "key"),
    [
        ({"frames": {"1": {"objects": {}}}}, "video"),
        ({"objects": [{"annotation_kind": "TextEntity"}]}, "text"),
        ({"objects": [{"annotation_kind": "ConversationalTextEntity"}]}, "conversational"),
        ({"classifications": [{"name": "q", "message_id": "0"}]}, "conversational"),
        ({"objects": [{"annotation_kind": "DocumentBoundingBox"}]}, "document"),
        ({"objects": [{"annotation_kind": "GeoPoint"}]}, "geospatial"),
        ({"objects": [{"annotation_kind": "MessageRanking"}], "classifications": [{"message_id": "0"}]}, "llm"),
        ({"objects": [{"annotation_kind": "ImagePoint"}, {"annotation_kind": "TextEntity"}]}, ""),
        ({"objects": [{"annotation_kind": "Cuboid"}]}, ""),
        ({"objects": [{"annotation_kind": "ImagePoint"}, {"annotation_kind": "Cuboid"}]}, ""),
        ({"classifications": [{"name": "q"}]}, ""),
    ],
)
def test_where_nothing_else_says_it_the_annotations_do_if_they_agree(annotations, key):
    assert media_type_of({}, "", kinds_in(annotations)) == key
    assert media_type_of({"asset_type": "audio"}, "", kinds_in(annotations)) == "audio"
