"""Any regions, labelled in any way, with any answers, in any order: a small oracle says what belongs to whom."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connections.store.importers.label_studio_results import results_of
from tests.connections.store.test_import_label_studio import region
from tests.connections.store.test_label_studio_results import ANSWERS, SHAPES, about

Json = dict[str, Any]
NAMES = st.lists(st.sampled_from(["car", "bus", "red", ""]), max_size=3)


@st.composite
def shuffled(draw: st.DrawFn) -> list[Json]:
    results: list[Json] = []
    for identity in draw(st.lists(st.sampled_from(["a", "b", 7, "a-2"]), unique=True, max_size=4)):
        bare, with_labels, place = draw(st.sampled_from(list(SHAPES.values())))
        own = draw(st.one_of(st.none(), NAMES))
        if own is None:
            results.append(region(bare, place, id=identity))
        else:
            results.append(region(with_labels, {**place, with_labels: own}, id=identity))
        for control, names in enumerate(draw(st.lists(NAMES, max_size=2))):
            labels = {**place, "labels": names}
            results.append(region("labels", labels, id=identity, from_name=f"labels {control}"))
        results += [
            about(kind, place, id=identity) for kind in draw(st.lists(st.sampled_from(list(ANSWERS)), max_size=3))
        ]
    results += [about(kind, {}, id="task") for kind in draw(st.lists(st.sampled_from(list(ANSWERS)), max_size=2))]
    in_any_order: list[Json] = draw(st.permutations(results))
    return in_any_order


def expected(results: list[Json]) -> dict[str, tuple[list[str], list[str]]]:
    """Id → (its classes in order, its own labels first; the questions that were answered)."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    shapes = {kind for bare, with_labels, _ in SHAPES.values() for kind in (bare, with_labels)}
    for wanted in (shapes, {"labels"}, set(ANSWERS)):
        for one in results:
            if one["type"] in wanted and one["id"] != "task":
                names, questions = found.setdefault(str(one["id"]), ([], []))
                said = one["value"].get(one["type"]) or []
                if wanted == set(ANSWERS):
                    questions.append(one["from_name"])
                else:
                    names += [name for name in dict.fromkeys(said) if name and name not in names]
    return found


@settings(max_examples=300)
@given(shuffled())
def test_classes_and_answers_belong_to_their_shape(results: list[Json]):
    got = results_of(results, {})
    right = expected(results)
    shapes = [mark for mark in got.objects if "is_further_label" not in mark]
    assert [mark["feature_id"] for mark in shapes] == [
        str(one["id"]) for one in results if any(one["type"] in shape[:2] for shape in SHAPES.values())
    ]
    assert len({mark["feature_id"] for mark in got.objects}) == len(got.objects)
    waiting: list[str] = []
    for mark in got.objects:
        if "is_further_label" in mark:
            waiting.append(mark["name"])
            assert mark["classifications"] == []
            continue
        names, questions = right[mark["feature_id"]]
        assert [mark["name"], *waiting] == (names or [""])
        assert sorted(answer["name"] for answer in mark["classifications"]) == sorted(questions)
        waiting = []
    assert waiting == []
    assert len(got.classifications) == sum(one["id"] == "task" for one in results)
    assert got.unlabelled == sum(not names for names, _ in right.values())
