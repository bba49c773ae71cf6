"""Previews of every medium: the figure and the table say the same, nothing is trusted, and everything is bounded."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from django.template.loader import get_template, render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.models import Project
from connections.rows.media_types import MEDIA_TYPES
from connections.store import demo_media
from connections.store.import_row import IncomingRow
from exports.display.row_preview import RowView, row_view
from exports.results.previews import PREVIEWS
from exports.results.previews.audio import clock
from exports.results.previews.base import MOST_LISTED
from exports.results.previews.conversation import read_messages
from exports.results.previews.drawing import Budget, Colour
from exports.results.previews.marked_text import LINES, MarkedText, Span, mark_text
from exports.results.previews.timeline import MOST_LANES, MOST_MARKS
from exports.results.previews.video import MOST_FRAMES

PROJECT = Project(name="Demo", public_id="p")
Json = dict[str, Any]


def document(row: IncomingRow) -> Json:
    labels = [
        {"annotations": {"objects": each.objects, "classifications": each.classifications, **each.more_annotations}}
        for each in row.labels
    ]
    return {
        "data_row": {"id": row.key, "row_data": row.row_data},
        "media_attributes": row.media_attributes,
        "projects": {"p": {"labels": labels}},
    }


def labelled(row_data: str, media: Json, **annotations: Any) -> Json:
    return {
        "data_row": {"id": "r", "row_data": row_data},
        "media_attributes": media,
        "projects": {"p": {"labels": [{"annotations": annotations}]}},
    }


def view(document: Json) -> RowView:
    return row_view(document, 1, PROJECT, Budget())


def html(row: RowView) -> str:
    """All of the row's figure; one that says the same in another medium's words would not do."""
    parts = (row.template, "exports/previews/_notes.html", "exports/previews/_table.html")
    return "".join(render_to_string(part, {"row": row, "figure": row.figure}) for part in parts)


def shown(document: Json) -> tuple[Any, str]:
    row = view(document)
    return row.figure, html(row)


ROWS = {row.key: document(row) for row in demo_media.media_rows(301)}


# --- the registry, and what holds for all of it ----------------------------------------------------------------------


def test_every_medium_has_a_preview_and_every_preview_a_template():
    assert set(PREVIEWS) == {*MEDIA_TYPES, "other"}
    for preview in PREVIEWS.values():
        get_template(preview.template)


@pytest.mark.parametrize("key", ROWS)
def test_the_demo_has_a_figure_and_a_table_of_all_its_annotations_without_a_word_on_what_is_missing(key: str):
    figure, page = shown(ROWS[key])
    labels = ROWS[key]["projects"]["p"]["labels"][0]["annotations"]
    names = {each["name"] for each in (*labels["objects"], *labels["classifications"])}
    assert names <= {line.name for line in figure.lines}
    assert figure.total == len(figure.lines) > 0
    assert all(line.where or line.colour is None for line in figure.lines)
    assert figure.notes == [] or key == "demo-log.txt"
    assert "<script" not in page and "<figure" in page


def paths(value: Any, front: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if front:
        yield front
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*front, key))


JUNK: tuple[Any, ...] = (None, 3, -1, "x", [], {}, [None], [[]], {"a": None}, True, 1e300, [3], "[", {"x": {"name": 3}})


@pytest.mark.parametrize("key", ROWS)
def test_whatever_of_a_row_is_something_else_the_row_keeps_its_preview(key: str):
    junk = cycle(JUNK)
    places = list(paths(ROWS[key]))
    assert len(places) > 20
    for path in places[:: max(1, len(places) // 150)]:
        for _ in range(3):
            broken = copy.deepcopy(ROWS[key])
            inside = broken
            for step in path[:-1]:
                inside = inside[step]
            inside[path[-1]] = next(junk)
            shown(broken)


# --- texts -----------------------------------------------------------------------------------------------------------


def marked(text: MarkedText) -> dict[tuple[int, int, str], str]:
    """Each span that is drawn, and what lies above its line."""
    found: dict[tuple[int, int, str], str] = {}
    for piece in text.pieces:
        for each in piece.underlines:
            key = each.span.begin, each.span.end, each.span.name
            found[key] = found.get(key, "") + piece.text
    return found


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=14)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.text("ab \n<", min_size=5, max_size=40), SPANS)
def test_spans_that_overlap_or_lie_in_one_another_are_all_there_and_never_share_a_line(text: str, pairs: list[Any]):
    spans = [
        Span(begin, begin + length, str(place), Colour(place), False) for place, (begin, length) in enumerate(pairs)
    ]
    found = mark_text(text, spans, Budget())
    assert "".join(piece.text for piece in found.pieces) == text
    drawn = marked(found)
    assert all(covered == text[begin:end] for (begin, end, _), covered in drawn.items())
    for piece in found.pieces:
        lines = [each.line for each in piece.underlines]
        assert len(set(lines)) == len(lines) and max(lines, default=0) < LINES
    begun = [each.span.name for piece in found.pieces for each in piece.begins]
    assert sorted(begun) == sorted(name for _, _, name in drawn)
    outside = [span for span in spans if span.begin >= len(text)]
    assert any(f"{len(outside)} span" in note for note in found.notes) == bool(outside)
    if not any("over one another" in note for note in found.notes):
        assert len(drawn) == len(spans) - len(outside)


def test_the_end_of_a_span_is_its_last_character_and_its_class_is_named():
    mark = {"name": "latin", "annotation_kind": "TextEntity", "location": {"start": 10, "end": 20}}
    figure, page = shown(labelled("Lorem ipsum dolor sit amet.", {"asset_type": "text"}, objects=[mark]))
    assert marked(figure.text) == {(10, 21, "latin"): "m dolor sit"}
    assert ">latin</span" in page and figure.lines[0].where == "characters 10–20"


def test_a_text_that_lies_elsewhere_is_told_by_the_pieces_that_its_annotations_carry():
    mark = {"name": "claim", "annotation_kind": "TextEntity", "location": {"start": 1, "end": 3, "token": "so it is"}}
    figure, page = shown(labelled("https://x.example.org/a.txt", {"mime_type": "text/plain"}, objects=[mark]))
    assert figure.text is None and "so it is" in page and "not loaded; these are the pieces" in " ".join(page.split())


def test_a_long_text_with_many_spans_is_bounded_and_says_so():
    text = "word " * 13_000
    spans = [{"start": 5 * n, "end": 5 * n + 3} for n in range(5_000)]
    marks = [
        {"name": f"class {n % 30}", "annotation_kind": "TextEntity", "location": span} for n, span in enumerate(spans)
    ]
    figure, page = shown(labelled(text, {"asset_type": "text"}, objects=marks))
    assert len(page) < 250_000 and figure.total == 5_000 and len(figure.lines) == MOST_LISTED
    assert figure.notes == ["The first 6,000 of 65,000 characters are shown", "3,800 spans are after what is shown",
                            "900 spans are not marked: there are too many"]  # fmt: skip
    assert "and 4,900 annotations more" in page


def test_a_span_without_a_place_or_outside_the_text_is_counted():
    marks = [
        {"name": "a", "annotation_kind": "TextEntity", "location": {"start": 3, "end": 99}},
        {"name": "b", "annotation_kind": "TextEntity"},
        {"name": "c", "annotation_kind": "ImagePoint"},
    ]
    figure, _ = shown(labelled("Some words.", {"asset_type": "text"}, objects=marks))
    assert figure.notes == ["3 marks cannot be shown: no place in the text that can be read"]


# --- videos and recordings -------------------------------------------------------------------------------------------


def video(key_frames: object, **media: Any) -> Json:
    box = {"name": "bbox", "annotation_kind": "VideoBoundingBox", "classifications": [
        {"name": "nested", "radio_answer": {"name": "option", "classifications": []}}]}  # fmt: skip
    frames = {
        str(frame): {
            "objects": {"f1": {**box, "bounding_box": {"top": 98.0, "left": left, "height": 9.0, "width": 8.0}}}
        }
        for frame, left in ((13, 146.0), (19, 186.0))
    }
    return labelled("https://x.example.org/v.mp4", {"asset_type": "video", "width": 320, "height": 200, **media},
                    frames=frames, segments={"f1": [[13, 13], [18, 19]]},
                    key_frame_feature_map={"f1": key_frames})  # fmt: skip


@pytest.mark.parametrize("key_frames", [[13, 19], {"13": True, "18": False, "19": True}])
def test_a_track_is_a_lane_with_its_segments_and_its_key_frames_in_both_forms(key_frames: object):
    figure, page = shown(video(key_frames, frame_count=101))
    (lane,) = figure.timeline.lanes
    assert (lane.bars, lane.ticks) == ("M120 4h2v8h-2zM170 4h10v8h-10z", "M120 1v14M180 1v14")
    assert figure.timeline.axis == ["1", "26", "51", "76", "101"]
    assert [(each.title, [shape.d for shape in each.drawing.shapes]) for each in figure.frames] == [
        ("Frame 13", ["M146 98h8v9h-8z"]), ("Frame 19", ["M186 98h8v9h-8z"])]  # fmt: skip
    (line,) = figure.lines
    assert (line.where, line.answers) == ("frames 13, 18–19; in 13 at 146, 98; 8 × 9 px", "nested: option")
    assert "Frame 13 of r with 1 mark" in page


def test_answers_of_frames_and_segments_without_a_frame_have_lanes_too():
    answer = {"feature_id": "c", "name": "light", "radio_answer": {"name": "dawn"}}
    figure, _ = shown(labelled("v.mp4", {"asset_type": "video"}, frames={"2": {"classifications": [answer]}},
                               segments={"c": [[2, 7]], "ghost": [[1, 3]], "broken": [[9, 1], "x"]}))  # fmt: skip
    assert [(lane.track.name, lane.where) for lane in figure.timeline.lanes] == [
        ("light: dawn", "2–7"),
        ("ghost", "1–3"),
    ]


def test_a_video_of_100_000_frames_is_bounded_and_says_so():
    def mark(name: str) -> Json:
        sides = {"top": 1.0, "left": 2.0, "height": 3.0, "width": 4.0}
        return {"name": name, "annotation_kind": "VideoBoundingBox", "bounding_box": sides}

    every = {str(frame): {"objects": {"ship": mark("ship")}} for frame in range(1, 100_001)}
    every["1"]["objects"] |= {f"f{n}": mark(f"class {n}") for n in range(300)}
    figure, page = shown(labelled("v.mp4", {"asset_type": "video", "width": 9, "height": 9, "frame_count": 100_000},
                                  frames=every))  # fmt: skip
    assert len(page) < 150_000
    assert (len(figure.timeline.lanes), len(figure.frames), len(figure.lines)) == (MOST_LANES, MOST_FRAMES, MOST_LISTED)
    assert figure.timeline.lanes[0].ticks.count("M") == MOST_MARKS and figure.timeline.lanes[0].where == "1–100,000"
    assert figure.notes[:3] == [
        "261 lanes more are not drawn",
        f"In 1 lane only {MOST_MARKS} marks are drawn, spread over all that there are",
        "6 of 100,000 frames that somebody set are drawn",
    ]


def test_a_recording_has_its_segments_and_moments_by_the_clock_and_label_studios_regions():
    said = {"feature_id": "s", "name": "words", "text_answer": {"content": "over"}}
    region = {"name": "noise", "annotation_kind": "LabelStudio:labels",
              "source_extra": {"label_studio": {"value": {"start": 1.5, "end": 62.25}}}}  # fmt: skip
    beep = {"500": {"classifications": [{"name": "beep", "radio_answer": {"name": "short"}}]}}
    figure, page = shown(labelled("a.mp3", {"asset_type": "audio"}, objects=[region], classifications=[said],
                                  segments={"s": [[2_000, 3_000]]}, timestamp=beep))  # fmt: skip
    assert [(lane.track.name, lane.where) for lane in figure.timeline.lanes] == [
        ("beep: short", "0:00.5"), ("words: over", "0:02–0:03"), ("noise", "0:01.5–1:02.25")]  # fmt: skip
    assert figure.total == 3 and "taken for milliseconds" in page
    assert (clock(0), clock(59_999), clock(3_600_000)) == ("0:00", "0:59.999", "60:00")


# --- documents, conversations, comparisons ---------------------------------------------------------------------------


def test_a_document_has_its_boxes_and_words_page_by_page():
    figure, page = shown(ROWS["demo-dues.pdf"])
    assert [(each.number, len(each.shapes), [word.text for word in each.words]) for each in figure.pages] == [
        (1, 2, ["Port of Gdynia", "1 240.00 PLN"]), (2, 1, ["20 September 2026"])]  # fmt: skip
    assert 'viewBox="0 0 595.0 842.0"' in page and 'd="M60 60h320v40h-320z"' in page
    assert figure.lines[0].where == "page 1 at 60, 60; 320 × 40 px"


def test_marks_on_no_page_are_counted_and_pages_beyond_the_bound_are_said():
    def box(page: object) -> Json:
        return {"name": "a", "annotation_kind": "DocumentBoundingBox", "page_number": page,
                "bounding_box": {"top": 1.0, "left": 1.0, "height": 1.0, "width": 1.0}}  # fmt: skip

    figure, _ = shown(labelled("d.pdf", {"asset_type": "document"}, objects=[box(n) for n in range(9)] + [box("x")]))
    assert [page.number for page in figure.pages] == [0, 1, 2, 3, 4, 5]
    assert figure.notes == ["3 pages more with marks", "1 mark on no page that can be read"]


def test_a_conversation_has_its_messages_with_spans_and_answers():
    figure, page = shown(ROWS["demo-chat.json"])
    assert [message.author for message in figure.messages] == ["Harbour desk", "Visitor"] * 2
    assert sorted(marked(figure.messages[1].text).values()) == ["Karlskrona", "Stella Maris"]
    assert [(each.name, each.text) for each in figure.messages[1].verdicts] == [("intent", "timetable")]
    assert figure.lines[0].where == "message 1, characters 4–15"
    assert "<strong>pleased</strong>" in page


def test_messages_that_the_row_does_not_hold_are_told_by_what_is_said_of_them():
    entity = {"name": "ship", "annotation_kind": "ConversationalTextEntity",
              "conversational_location": {"message_id": "7", "location": {"start": 0, "end": 3}}}  # fmt: skip
    figure, page = shown(labelled("https://x.example.org/c.json", {"asset_type": "conversational"}, objects=[entity]))
    assert [(each.key, each.text) for each in figure.messages] == [("7", None)]
    assert "The row does not hold its messages" in figure.notes[0] and ">ship</span>" in page


def test_a_comparison_says_of_each_reply_whether_it_was_chosen_and_its_rank():
    figure, page = shown(ROWS["demo-comparison.json"])
    told = {each.author: [(verdict.name, verdict.text) for verdict in each.verdicts] for each in figure.messages}
    assert told == {
        "human": [],
        "model-a": [("best", "chosen"), ("useful", "chosen"), ("order", "rank 1")],
        "model-b": [("order", "rank 3")],
        "model-c": [("useful", "chosen"), ("order", "rank 2")],
    }
    assert "chosen: message reply of model-a (model-a)" in page


def test_messages_that_lead_in_a_circle_come_once_each():
    messages = {"a": {"content": "1", "childMessageIds": ["b"]}, "b": {"content": "2", "childMessageIds": ["a", "c"]}}
    text = json.dumps({"messages": {**messages, "d": {"content": "3"}}, "rootMessageIds": ["a"]})
    assert [(message.key, message.content) for message in read_messages(text)] == [("a", "1"), ("b", "2"), ("d", "3")]


def test_a_conversation_without_end_is_bounded():
    text = json.dumps({"messages": [{"content": "word " * 2_000} for _ in range(500)]})
    figure, page = shown(labelled(text, {"asset_type": "conversational"}))
    assert len(page) < 60_000 and "470 messages more" in figure.notes


# --- web pages, the globe, models ------------------------------------------------------------------------------------


def test_a_web_page_is_shown_as_text_and_never_rendered():
    figure, page = shown(ROWS["demo-tides.html"])
    assert "&lt;script&gt;alert(&quot;not run&quot;)&lt;/script&gt;" in page
    assert [(line.name, line.answers) for line in figure.lines] == [
        ("topic", "tides"), ("holds", "numbers, a script"), ("remark", "Two high waters a day.")]  # fmt: skip
    long, page = shown(labelled("<p>" + "x" * 50_000, {"asset_type": "html"}))
    assert len(page) < 5_000 and long.notes == ["The first 2,000 of 50,003 characters are shown"]


def test_shapes_on_the_globe_lie_in_a_frame_with_latitude_up():
    line = {"type": "LineString", "coordinates": [[10, 50], [20, 60]]}
    marks = [
        {"name": "way", "annotation_kind": "GeoPolyline", "geojson": line},
        {"name": "buoy", "annotation_kind": "ImagePoint", "point": {"x": 20.0, "y": 50.0}},
        {"name": "torn", "annotation_kind": "GeoPolygon", "geojson": {"type": "Polygon", "coordinates": [[["a", 1]]]}},
        {"name": "odd", "annotation_kind": "GeoCloud"},
    ]
    figure, page = shown(labelled('{"tile_layer_url": "https://x/{z}"}', {}, objects=marks))
    assert {shape.name: shape.d for shape in figure.picture.drawing.shapes} == {
        "way": "M45.5 954.5L954.5 45.5", "buoy": "M954.5 954.5h0"}  # fmt: skip
    assert figure.edges == {"west": "9.5", "south": "49.5", "east": "20.5", "north": "60.5"}
    assert figure.notes == ["1 mark whose geometry cannot be read", "1 mark of a kind that is not drawn"]
    assert [line.where for line in figure.lines] == ["from 10, 50 to 20, 60", "at 20, 50", "cannot be read", ""]
    assert "No map is loaded" in page


def test_what_a_model_predicted_stands_beside_what_people_drew_dotted_and_with_its_confidence():
    def box(left: float, **more: Any) -> Json:
        sides = {"top": 1.0, "left": left, "height": 5.0, "width": 5.0}
        return {"name": "car", "annotation_kind": "ImageBoundingBox", "bounding_box": sides, **more}

    labels = [{"annotations": {"objects": [box(1.0)]}, "label_details": {"created_by": "ann@x"}}]
    predictions = [{"annotations": {"objects": [box(2.0, confidence=0.875), box(30.0, confidence=0.5)]}}]
    runs = {"r": {"name": "v1", "labels": labels, "predictions": predictions}}
    media = {"asset_type": "image", "width": 40, "height": 9}
    experiments = {"m": {"name": "Cars", "runs": runs}}
    figure, page = shown({"data_row": {"id": "a"}, "media_attributes": media, "experiments": experiments})
    drawn = [(shape.d[:3], shape.is_predicted, shape.css) for shape in figure.picture.drawing.shapes]
    assert drawn == [("M1 ", False, "rp-hue-0"), ("M2 ", True, "rp-hue-0 rp-predicted"),
                     ("M30", True, "rp-hue-0 rp-predicted")]  # fmt: skip
    assert [(shape.is_predicted, count) for shape, count in figure.picture.drawing.legend] == [(False, 1), (True, 2)]
    assert [(line.work.title, line.confidence) for line in figure.lines] == [
        ("label by ann@x in Cars v1", ""),
        ("prediction in Cars v1", "0.88"),
        ("prediction in Cars v1", "0.50"),
    ]
    assert "car, predicted" in page and "Box, predicted" in page and ">0.88</td>" in page


def test_masks_of_which_there_is_only_an_address_are_said_to_lie_there():
    mark = {"name": "sky", "annotation_kind": "ImageSegmentationMask",
            "composite_mask": {"url": "https://x.example.org/1", "color_rgb": [1, 2, 3]}}  # fmt: skip
    figure, page = shown(labelled("a.png", {"asset_type": "image", "width": 4, "height": 4}, objects=[mark]))
    assert figure.notes == ["1 mark whose pixels lie at an address, from which nothing is loaded"]
    assert figure.lines[0].where == "" and "Nothing is marked in it." in page
