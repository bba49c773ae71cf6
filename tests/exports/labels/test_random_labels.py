"""Random rows with several labels: every format has the labels that an oracle written for this test says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connections.models import Connection, Project
from connections.store.import_row import IncomingLabel
from connections.store.upsert import write_rows
from exportadmin.lib.ids import new_id
from tests.exports.labels.world import FORMATS, boxes_of, export, painted
from tests.support.rows import answer, box, row

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PEOPLE = (None, "ann", "bo")
DAY = 86_400_000


@st.composite
def labels(draw: Any) -> dict[str, Any]:
    return {
        "by": draw(st.sampled_from(PEOPLE)),
        "boxes": draw(st.integers(0, 2)),
        "answers": draw(st.integers(0, 1)),
        "made": draw(st.integers(1, 4)),
        "changed": draw(st.none() | st.integers(1, 4)),
        "skipped": draw(st.sampled_from([False, False, True])),
        "true": draw(st.sampled_from([False, False, True])),
    }


rows = st.lists(st.lists(labels(), max_size=4), min_size=1, max_size=6)


def leaving(choice: str, of_row: list[dict[str, Any]]) -> list[dict[str, Any]]:
    done = [label for label in of_row if not label["skipped"]]
    if choice == "all":
        return of_row
    if choice == "not_skipped":
        return done
    if choice == "ground_truth":
        return [label for label in done if label["true"]]
    if choice == "latest":
        best: list[dict[str, Any]] = []
        for label in done:  # of equals the last
            if not best or _when(label) >= _when(best[0]):
                best = [label]
        return best
    return [label for label in done if label["by"] == choice.removeprefix("created_by:")]


def _when(label: dict[str, Any]) -> tuple[int, int]:
    return label["made"] if label["changed"] is None else label["changed"], label["made"]


def oracle(choice: str, content: list[list[dict[str, Any]]]) -> dict[str, list[tuple[str, float]]]:
    found = {}
    for place, of_row in enumerate(content):
        left = leaving(choice, of_row)
        asks_for_a_sort = choice not in ("all", "not_skipped", "latest")
        if not left and (of_row or asks_for_a_sort):
            continue
        found[f"row-{place}"] = [one for label in left for one in label["marks"]]
    return found


def written(project: Project, content: list[list[dict[str, Any]]]) -> None:
    left_side = 0
    incoming = []
    for place, of_row in enumerate(content):
        made = []
        for label in of_row:
            label["marks"] = []
            objects = []
            for _ in range(label["boxes"]):
                name = f"class{left_side}"
                label["marks"].append((name, float(left_side)))
                objects.append(box(name, left=float(left_side), width=1.0))
                left_side += 2
            performance = {"skipped": label["skipped"]} | ({"benchmark_reference_label": True} if label["true"] else {})
            made.append(
                IncomingLabel(
                    objects=objects,
                    classifications=[answer()] * label["answers"],
                    created_by=label["by"],
                    created_ms=label["made"] * DAY,
                    updated_ms=None if label["changed"] is None else label["changed"] * DAY,
                    performance=performance,
                )
            )
        incoming.append(row(f"row-{place}", labels=made))
    write_rows(project, incoming)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=rows, choice=st.sampled_from(["all", "not_skipped", "latest", "ground_truth", "created_by:ann"]))
def test_every_format_has_the_labels_that_leave(
    connection: Connection, content: list[list[dict[str, Any]]], choice: str
) -> None:
    project = Project.objects.create(connection=connection, name=new_id())
    written(project, content)
    if choice.endswith("ann") and not any(label["by"] == "ann" for of_row in content for label in of_row):
        return
    everything = sum(label["boxes"] + label["answers"] for of_row in content for label in of_row)
    for format in FORMATS:
        report = export(project, format, choice, max_refused=0)
        expected = oracle(choice, content)
        if format in ("coco_json", "png") and choice == "all":
            expected = oracle("not_skipped", content)
        if format == "png":
            assert painted(report) == {key: {name for name, _ in marks} for key, marks in expected.items()}
        else:
            assert boxes_of(report) == expected
        values = report.check_values
        assert values["annotations"] + sum(values["left_out_by_format"].values()) == everything
        assert values["rows_kept"] == len(expected)
        assert values["rows_read"] == len(content)
