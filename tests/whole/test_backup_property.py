"""Random projects out as json or ndjson and in again: every format of the copy has the bytes of the first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from connections.models import Connection, Project
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store.import_row import IncomingClass, IncomingLabel, IncomingRow
from connections.store.models import StoreProject
from connections.store.upsert import write_rows
from exportadmin.lib.ids import new_id
from tests.support.media import IN_FRAMES, MEDIA, OBJECTS
from tests.support.rows import mask
from tests.whole.test_backup import ROW_FORMATS, delivered, everything, imported

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

WIDTH, HEIGHT = 40, 30
ODD = (
    "car",
    "a b",
    '"quoted", x',
    "=1+1",
    "0",
    "\u2028",
    "漢字",
    "export_admin",
    "null",
    "a\\b",
    "\U0001f600",
    "..",
    "é",
)
LARGE = (0, 1, 7, 2**31, 2**39 + 1, 2**40, 2**53 + 1, 2**63 - 1)

names = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
numbers = st.sampled_from(LARGE) | st.integers(0, 60)
places = st.floats(0, 29, width=32) | st.integers(0, 29).map(float)
points = st.builds(lambda x, y: {"x": x, "y": y}, places, places)
times = st.integers(0, 2_000_000_000_000)
people = st.none() | names
some_json = st.dictionaries(names, st.none() | st.booleans() | st.integers(-5, 2**53) | names, max_size=3)


def closed(corners: list[dict[str, float]]) -> list[dict[str, float]]:
    return [*corners, corners[0]]


rings = st.lists(points, min_size=3, max_size=5) | st.lists(points, min_size=3, max_size=5).map(closed)
boxes = st.builds(lambda a, b, c, d: {"top": a, "left": b, "height": c, "width": d}, places, places, places, places)
shapes = st.one_of(
    boxes.map(lambda sides: {"annotation_kind": "ImageBoundingBox", "bounding_box": sides}),
    rings.map(lambda ring: {"annotation_kind": "ImagePolygon", "polygon": ring}),
    st.lists(rings, min_size=2, max_size=3).map(
        lambda many: {"annotation_kind": "ImagePolygon", "polygon": many[0], "polygons": many}
    ),
    st.lists(points, min_size=2, max_size=4).map(lambda line: {"annotation_kind": "ImagePolyline", "line": line}),
    points.map(lambda point: {"annotation_kind": "ImagePoint", "point": point}),
    st.just({**mask(height=HEIGHT, width=WIDTH)}),
    some_json.map(lambda said: {"annotation_kind": "ImageCuboid", "vertices": said}),
    *(st.just(mark) for mark in OBJECTS if not mark["annotation_kind"].startswith("Image")),
)


@st.composite
def answers(draw: Any, depth: int = 2) -> dict[str, Any]:
    below = st.lists(answers(depth - 1), max_size=2) if depth else st.just([])
    option = st.builds(lambda name, more: {"name": name, "value": name, "classifications": more}, names, below)
    said = draw(
        st.one_of(
            option.map(lambda one: {"radio_answer": one}),
            st.lists(option, max_size=3).map(lambda many: {"checklist_answers": many}),
            names.map(lambda text: {"text_answer": {"content": text}}),
            option.map(lambda one: {"message_id": "0", "conversational_radio_answer": one}),
            names.map(lambda text: {"message_id": "1", "conversational_text_answer": {"content": text}}),
        )
    )
    return {"name": draw(names), **said}


coco_keys = st.fixed_dictionaries(
    {},
    optional={
        "id": numbers | names,
        "iscrowd": st.sampled_from([0, 1]),
        "area": places,
        "keypoints": st.just([1, 2, 2]),
    },
)


@st.composite
def objects(draw: Any) -> dict[str, Any]:
    mark = {"name": draw(names), **draw(shapes), "classifications": draw(st.lists(answers(), max_size=2))}
    if draw(st.booleans()):
        mark["feature_id"] = draw(names)
    if draw(st.booleans()):
        mark["source_extra"] = draw(some_json) | {"coco": draw(coco_keys)}
    return mark


in_frames = st.sampled_from(IN_FRAMES)
frames = st.dictionaries(
    st.integers(1, 99).map(str),
    st.fixed_dictionaries(
        {},
        optional={
            "objects": st.dictionaries(
                names, st.builds(lambda name, shape: {"name": name, **shape}, names, in_frames), max_size=2
            ),
            "classifications": st.lists(answers(), max_size=2),
        },
    ),
    max_size=2,
)
spans = st.lists(st.tuples(st.integers(0, 50), st.integers(50, 99)).map(list), max_size=2)
beside = st.fixed_dictionaries(
    {},
    optional={
        "frames": frames,
        "groups": st.dictionaries(names, st.fixed_dictionaries({}, optional={"frames": frames}), max_size=1),
        "timestamp": st.dictionaries(
            st.integers(0, 9_999).map(str),
            st.lists(answers(), max_size=2).map(lambda said: {"classifications": said}),
            max_size=2,
        ),
        "segments": st.dictionaries(names, spans, max_size=2),
        "key_frame_feature_map": st.dictionaries(names, st.lists(st.integers(1, 99), max_size=3), max_size=2),
    },
)
labels = st.builds(
    IncomingLabel,
    objects=st.lists(objects(), max_size=4),
    classifications=st.lists(answers(), max_size=2),
    relationships=st.lists(names.map(lambda name: {"name": name}), max_size=1),
    label_id=st.none() | names,
    created_ms=st.none() | times,
    updated_ms=st.none() | times,
    content_updated_ms=st.none() | times,
    created_by=people,
    reviews=st.lists(some_json, max_size=1),
    performance=st.sampled_from([{}, {"skipped": True}, {"skipped": False, "benchmark_reference_label": True}]),
    extra=st.sampled_from([{}, {"label_kind": "Benchmark"}, {"source_extra": {"a": 1}}]),
    more_details=some_json,
    more_annotations=st.just({}) | beside,
)


@st.composite
def rows(draw: Any) -> list[IncomingRow]:
    keys = draw(st.lists(names, unique=True, min_size=2, max_size=5))
    made = []
    for place, key in enumerate(keys):
        made.append(
            IncomingRow(
                position=f"row {place + 1}",
                key=key,
                row_data=draw(st.sampled_from(["", "https://e.test/a%20b.png?x=1", "odd \u2028", "text"])),
                status=draw(st.sampled_from(list(REVIEW_STATUSES))),
                row_id=draw(st.none() | st.just(f"id {place}")),
                number=draw(st.none() | numbers),
                external_id=draw(st.none() | names),
                media_attributes={"height": HEIGHT, "width": WIDTH, "asset_type": draw(st.sampled_from(MEDIA))},
                attachments=draw(st.lists(some_json, max_size=1)),
                metadata_fields=draw(st.lists(some_json, max_size=1)),
                embeddings=draw(st.just([]) | st.just([{"id": "e", "values": [{"value": [0.1, 2.0]}]}])),
                labels=draw(st.lists(labels, max_size=3)),
                dataset=draw(st.just("") | names),
                dataset_id=draw(st.none() | names),
                batch_id=draw(st.sampled_from(["", "b1"])),
                batch_name=draw(st.just("") | names),
                priority=draw(st.none() | st.integers(-9, 9)),
                created_ms=draw(st.none() | times),
                updated_ms=draw(st.none() | times),
                activity_ms=draw(st.none() | times),
                created_by=draw(people),
                project_details=draw(
                    st.just({}) | st.just({"task_name": "T", "workflow_history": [{"action": "Move"}]})
                ),
                project_tags=draw(st.lists(names, max_size=2)),
                more_details=draw(some_json),
                source_extra=draw(some_json)
                | draw(st.just({}) | st.just({"coco": {"license": 3, "file_name": "x.png"}})),
            )
        )
    return made


classes = st.lists(
    st.builds(
        IncomingClass,
        name=names,
        number=st.none() | numbers,
        is_question=st.booleans(),
        supercategory=st.just("") | names,
        extra=st.just({}) | st.just({"keypoints": ["a", "b"], "skeleton": [[1, 2]]}) | some_json,
    ),
    max_size=4,
    unique_by=lambda one: (one.is_question, one.name),
)


heads = st.fixed_dictionaries(
    {},
    optional={
        "coco": st.fixed_dictionaries(
            {},
            optional={
                "info": some_json | names,
                "licenses": st.lists(some_json.map(lambda said: {"id": 3, **said}), max_size=1),
                "videos": st.just([{"id": 1, "name": "v"}, {"id": 2**53, "name": "w"}]),
                "my list": st.lists(some_json, max_size=1),
            },
        )
    },
)


def is_skipped(label: IncomingLabel) -> bool:
    return bool(label.performance.get("skipped"))


@settings(
    max_examples=25,
    deadline=None,
    # a project takes ten exports: shrinking one takes minutes
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    content=rows(),
    known=classes,
    head=heads,
    format=st.sampled_from(ROW_FORMATS),
    chosen=st.sampled_from(["all", "not_skipped"]),
)
def test_a_project_comes_back_whole(connection: Connection, content, known, head, format, chosen):
    first = Project.objects.create(connection=connection, name=new_id())
    assert write_rows(first, content, classes=known).refused == []
    left = [row for row in content if not row.labels or not all(is_skipped(label) for label in row.labels)]
    assume(chosen == "all" or left)  # nothing tells an array without rows from any other
    StoreProject.objects.filter(project=first).update(source_extra=head)
    again = new_id()
    imported(delivered(first, format, labels=chosen), again)
    copy = Project.objects.get(name=again)
    mine, theirs = everything(first, labels=chosen), everything(copy, labels=chosen)
    assert {name: content for name, content in theirs.items() if content != mine[name]} == {}
