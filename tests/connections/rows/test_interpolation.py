"""The frames of a video between its key frames: what is computed, and what is left as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.rows.interpolation import MOST, Computed, interpolate
from tests.support.media import IN_FRAMES, frame_by_frame, named, radio

SIDES = {"top": 98.0, "left": 146.0, "height": 243.0, "width": 236.0}


def box(left: float = 146.0, width: float = 236.0, **more: Any) -> dict[str, Any]:
    shape = {"annotation_kind": "VideoBoundingBox", "bounding_box": {**SIDES, "left": left, "width": width}}
    return {**named(shape), **more}


def tracked(*frames: tuple[int, dict[str, Any]], segments: Any, **more: Any) -> dict[str, Any]:
    """A label with one track."""
    return {
        "frames": {str(frame): {"objects": {"f1": mark}, "classifications": []} for frame, mark in frames},
        "segments": {"f1": segments},
        **more,
    }


def done(annotations: dict[str, Any]) -> tuple[dict[str, Any], Computed]:
    annotations = copy.deepcopy(annotations)
    computed = interpolate(annotations)
    return annotations, computed


def test_a_box_moves_straight_from_key_frame_to_key_frame():
    label = tracked((13, box()), (19, box(186.0, 304.0)), segments=[[13, 19]], key_frame_feature_map={"f1": [13, 19]})
    found, computed = done(label)
    assert [int(frame) for frame in found["frames"]] == list(range(13, 20))
    boxes = [content["objects"]["f1"]["bounding_box"] for content in found["frames"].values()]
    lefts = [sides["left"] for sides in boxes]
    assert lefts == sorted(set(lefts)) and (lefts[0], lefts[3], lefts[6]) == (146.0, 166.0, 186.0)
    assert boxes[3] == {"top": 98.0, "left": 166.0, "height": 243.0, "width": 270.0}
    assert found["frames"]["13"] == label["frames"]["13"]
    assert found["key_frame_feature_map"] == {"f1": [13, 19]}
    assert computed == Computed(5, 0)


def test_there_is_nothing_between_segments():
    """As in Labelbox's own sample: 18 is in a segment, and its neighbours are the key frames around it."""
    label = tracked((13, box()), (19, box(186.0)), segments=[[13, 13], [18, 19]])
    found, computed = done(label)
    assert [*found["frames"]] == ["13", "18", "19"]
    assert found["frames"]["18"]["objects"]["f1"]["bounding_box"]["left"] == pytest.approx(146 + 40 * 5 / 6)
    assert computed == Computed(1, 0)


def test_before_the_first_key_frame_and_behind_the_last_it_stays():
    found, _ = done(tracked((5, box()), (7, box(148.0)), segments=[[3, 9]]))
    lefts = [content["objects"]["f1"]["bounding_box"]["left"] for content in found["frames"].values()]
    assert lefts == [146.0, 146.0, 146.0, 147.0, 148.0, 148.0, 148.0]


def test_only_key_frames_are_neighbours_where_a_label_lists_them():
    label = tracked((1, box(0.0)), (3, box(50.0)), (5, box(100.0)), segments=[[1, 5]])
    label["key_frame_feature_map"] = {"f1": [1, 5]}
    found, _ = done(label)
    lefts = [content["objects"]["f1"]["bounding_box"]["left"] for content in found["frames"].values()]
    assert lefts == [0.0, 25.0, 50.0, 75.0, 100.0]


@pytest.mark.parametrize(
    ("first", "second", "between"),
    [
        ({"point": {"x": 0.0, "y": 8}}, {"point": {"x": 4.0, "y": 0}}, {"point": {"x": 2.0, "y": 4.0}}),
        (
            {"line": [{"x": 0.0, "y": 0.0}, {"x": 2.0, "y": 0.0}]},
            {"line": [{"x": 4.0, "y": 2.0}, {"x": 2.0, "y": 2.0}]},
            {"line": [{"x": 2.0, "y": 1.0}, {"x": 2.0, "y": 1.0}]},
        ),
    ],
)
def test_every_shape_of_numbers_moves(first, second, between):
    kind = "VideoPoint" if "point" in first else "ImagePolyline"
    marks = [named({"annotation_kind": kind, **shape}) for shape in (first, second)]
    found, computed = done(tracked((1, marks[0]), (3, marks[1]), segments=[[1, 3]]))
    assert found["frames"]["2"]["objects"]["f1"] == {**marks[0], **between}
    assert computed == Computed(1, 0)


LINES = [[{"x": 1.0, "y": float(n)} for n in range(count)] for count in (2, 3)]


@pytest.mark.parametrize(
    "marks",
    [
        [named({"annotation_kind": "VideoPolyline", "line": line}) for line in LINES],
        [named(mark) for mark in IN_FRAMES if mark["annotation_kind"] == "VideoSegmentationMask"],
        [named({"annotation_kind": "VideoCuboid", "size": 1})] * 2,
        [named({"annotation_kind": "VideoPoint"})] * 2,
    ],
)
def test_of_masks_and_of_outlines_that_change_nothing_is_made_up(marks):
    label = tracked((1, marks[0]), (3, marks[1]), segments=[[1, 3]])
    assert done(label) == (label, Computed(0, 1))


def test_answers_stay_as_they_were_at_the_key_frame_before():
    yes, no = radio(name="light"), {**radio(name="light"), "radio_answer": {"name": "no", "value": "no"}}
    frames = {"2": {"objects": {}, "classifications": [yes]}, "4": {"classifications": [no]}}
    found, computed = done({"frames": frames, "segments": {"q-light": [[1, 5]]}})
    answers = [content["classifications"][0]["radio_answer"]["name"] for content in found["frames"].values()]
    assert answers == ["yes", "yes", "yes", "no", "no"]
    assert computed == Computed(3, 0)
    inside = tracked((1, box(classifications=[yes])), (3, box(classifications=[no])), segments=[[1, 3]])
    assert done(inside)[0]["frames"]["2"]["objects"]["f1"]["classifications"] == [yes]


@pytest.mark.parametrize("segments", [None, [], [[1]], [1], "x", [[1, MOST * 2]]])
def test_a_track_of_which_nobody_knows_when_it_is_there_is_left(segments):
    label = tracked((1, box()), (3, box()), segments=segments)
    assert done(label) == (label, Computed(0, 1))


def test_a_label_without_any_segments_is_counted():
    frames = tracked((1, box()), (3, box()), segments=[])["frames"]
    for label in ({"frames": frames}, {"frames": frames, "segments": None}):
        assert done(label) == (label, Computed(0, 1))


@pytest.mark.parametrize("segments", ["x", [[1]], [[3, 1]], [[1, MOST * 2]], [[0, 2**63]], [[-(2**63), 2**70]]])
def test_a_track_of_one_key_frame_that_cannot_be_filled_is_counted(segments):
    label = tracked((2, box()), segments=segments)
    assert done(label)[1].tracks_left == 1
    without = {**label, "segments": {"another": [[1, 3]]}}
    assert done(without) == (without, Computed(0, 0)), "nothing says that it is anywhere else"


@pytest.mark.parametrize(
    ("segments", "frames"),
    [
        ([[-5, 1], [2, 3]], ["0", "1", "2", "3"]),
        ([[-9, -5], [2, 3]], ["2", "3"]),
        ([[9, 5], [2, 3]], ["2", "3"]),
        ([[True, 9], [2.0, 9], None, [2, 3]], ["2", "3"]),
        ([[10**18, 10**18 + 1], [2, 3]], ["2", "3"]),
    ],
)
def test_of_a_span_that_is_none_nothing_is_computed_and_the_track_is_counted(segments, frames):
    found, computed = done(tracked((2, box()), segments=segments))
    assert [*found["frames"]] == frames
    assert computed == Computed(len(frames) - 1, 1)


def test_spans_that_cover_each_other_are_no_more_frames_than_there_are():
    found, computed = done(tracked((1, box()), segments=[[1, MOST], [1, MOST], [2, 5]]))
    assert computed == Computed(MOST - 1, 0)
    assert len(found["frames"]) == MOST


def test_a_label_that_has_a_frame_twice_is_left_and_counted():
    frames = {text: {"objects": {"f1": box()}, "classifications": []} for text in ("1", "01", "5")}
    label = {"frames": frames, "segments": {"f1": [[1, 5]]}}
    assert done(label) == (label, Computed(0, 1))


def test_a_mark_and_its_further_label_under_one_id_move_side_by_side():
    """So do two marks of different classes."""
    for more in ({"is_further_label": True}, {"name": "wet"}):
        first, second = ([{**box(left), "feature_id": "f1", **which} for which in ({}, more)] for left in (0.0, 8.0))
        frames = {"1": {"objects": first}, "3": {"objects": second}}
        found, computed = done({"frames": frames, "segments": {"f1": [[1, 3]]}})
        assert found["frames"]["2"]["objects"] == [{**mark, "bounding_box": {**SIDES, "left": 4.0}} for mark in first]
        assert computed == Computed(2, 0)
    alike = {"1": {"objects": [first[0]] * 2}, "3": {"objects": [second[0]] * 2}}
    now_and_then = {"1": {"objects": first[:1]}, "3": {"objects": second}}
    for frames, count in ((alike, 1), (now_and_then, 2)):
        label = {"frames": frames, "segments": {"f1": [[1, 3]]}}
        assert done(label) == (label, Computed(0, count)), "nothing tells which of them is in the frame between"


def test_answers_to_two_questions_under_one_id_stay_both():
    said = [radio(name="light"), {**radio(name="rain"), "feature_id": "q-light"}]
    found, computed = done({"frames": {"1": {"classifications": said}}, "segments": {"q-light": [[1, 2]]}})
    assert found["frames"]["2"]["classifications"] == said
    assert computed == Computed(2, 0)


def test_a_feature_that_gets_another_class_is_one_track():
    label = tracked((1, box(0.0)), (3, box(2.0, name="ship")), segments=[[1, 3]])
    found, computed = done(label)
    assert [content["objects"]["f1"]["name"] for content in found["frames"].values()] == ["thing", "thing", "ship"]
    assert computed == Computed(1, 0)


@pytest.mark.parametrize(
    ("segments", "keys", "lefts"),
    [
        # behind the last key frame of a segment, with a gap before the next one
        (
            [[1, 6], [8, 10]],
            {1: 0.0, 3: 20.0, 8: 70.0},
            {1: 0, 2: 10, 3: 20, 4: 20, 5: 20, 6: 20, 8: 70, 9: 70, 10: 70},
        ),
        # no gap between two segments that follow each other
        ([[1, 3], [4, 5]], {1: 0.0, 5: 40.0}, {1: 0, 2: 10, 3: 20, 4: 30, 5: 40}),
        # one that begins before its first key frame, as in Labelbox's sample
        ([[1, 2], [4, 5]], {1: 0.0, 5: 40.0}, {1: 0, 2: 0, 4: 30, 5: 40}),
        # one without a key frame
        ([[1, 1], [3, 3], [5, 5]], {1: 0.0, 5: 40.0}, {1: 0, 3: 20, 5: 40}),
    ],
)
def test_nothing_moves_over_a_gap_but_towards_the_key_frame_of_a_segment_that_began_before_it(segments, keys, lefts):
    label = tracked(*((frame, box(left)) for frame, left in keys.items()), segments=segments)
    found, _ = done(label)
    assert {
        int(frame): content["objects"]["f1"]["bounding_box"]["left"] for frame, content in found["frames"].items()
    } == lefts


@pytest.mark.parametrize(
    "annotations",
    [{}, {"frames": {}}, {"frames": None, "segments": {}}, {"frames": {"1": None}, "segments": {"f1": [[1, 3]]}}],
)
def test_where_there_are_no_tracks_nothing_happens(annotations):
    assert done(annotations) == (annotations, Computed(0, 0))


def test_objects_in_a_list_get_their_own_in_it():
    mark = {**box(), "feature_id": "f1"}
    frames = {"1": {"objects": [mark]}, "2": {"objects": [named(IN_FRAMES[0], 2)]}, "3": {"objects": [mark]}}
    found, computed = done({"frames": frames, "segments": {"f1": [[1, 3]]}})
    assert [each["feature_id"] for each in found["frames"]["2"]["objects"]] == ["f2", "f1"]
    assert computed == Computed(1, 0)


@given(
    lefts=st.dictionaries(st.integers(1, 40), st.floats(0, 1e6), min_size=1, max_size=6),
    spans=st.lists(st.tuples(st.integers(1, 45), st.integers(0, 9)), min_size=1, max_size=4),
)
def test_every_frame_of_every_segment_is_there_once_and_nothing_else_is_touched(lefts, spans):
    segments = [[first, first + more] for first, more in spans]
    label = tracked(*((frame, box(left)) for frame, left in lefts.items()), segments=segments)
    found, computed = done(label)
    inside = {frame for first, last in segments for frame in range(first, last + 1)}
    # where nothing is missing, the frames stand as they stood
    expected = sorted(inside | lefts.keys()) if inside - lefts.keys() else [*lefts]
    assert [int(frame) for frame in found["frames"]] == expected
    assert computed.annotations == len(inside - lefts.keys())
    for frame, content in label["frames"].items():
        assert found["frames"][frame] == content
    for frame, content in found["frames"].items():
        left = content["objects"]["f1"]["bounding_box"]["left"]
        assert min(lefts.values()) - 1e-6 <= left <= max(lefts.values()) + 1e-6, frame
    assert interpolate(found).annotations == 0


def test_tracks_of_one_label_are_computed_side_by_side():
    marks = {"f1": box(), "f2": named(IN_FRAMES[3], 2)}
    label = {"frames": frame_by_frame(1, 4, **marks), "segments": {"f1": [[1, 4]], "f2": [[1, 2], [4, 4]]}}
    found, computed = done(label)
    assert [[*content["objects"]] for content in found["frames"].values()] == [
        ["f1", "f2"],
        ["f1", "f2"],
        ["f1"],
        ["f1", "f2"],
    ]
    assert computed == Computed(3, 0)
