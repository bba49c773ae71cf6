"""Scopes, filters, labels and projects in random combinations over a small world, beside a count of the test's own."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from connections.access.models import Membership
from connections.models import Project
from connections.rows.batch import BODY, SEVERAL
from connections.rows.body import read_bodies
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.upsert import write_rows
from exports import slice_actions
from exports.sources import source_of, store
from exports.sources.labels import LabelFilter
from exports.spec.catalog import settle
from exports.spec.filters import RowFilter
from exports.spec.spec import ExportSpec
from tests.exports.catalog.world import DAY, person
from tests.support.rows import box

SEED = 20261130
MEDIA = {"image": "image/png", "video": "video/mp4", "text": "text/plain"}
PEOPLE = ("ann@example.test", "bob@example.test")


@dataclass
class Made:
    """A label of the oracle's."""

    label_id: str
    creator: str
    at: int
    is_skipped: bool
    is_truth: bool


@dataclass
class Held:
    """A data row as one project has it."""

    key: str
    media: str
    dataset: str
    activity: int
    selected: str
    labels: list[Made] = field(default_factory=list)

    def leaving(self, choice: str) -> list[str]:
        done = [each for each in self.labels if not each.is_skipped]
        if choice == "all":
            return [each.label_id for each in self.labels]
        if choice == "ground_truth":
            done = [each for each in done if each.is_truth]
        elif choice == "latest":
            done = [max(done, key=lambda each: each.at)] if done else []
        elif choice == "selected":
            done = [each for each in done if each.label_id == self.selected or len(self.labels) == 1]
        elif choice != "not_skipped":
            done = [each for each in done if f"created_by:{each.creator}" == choice]
        return [each.label_id for each in done]


class Model:
    """Three projects, by public id, that say what they say of twelve data rows; a fourth is of others."""

    def __init__(self, connection: Any, oscar: Any, rnd: random.Random) -> None:
        self.projects = [Project.objects.create(connection=connection, name=f"P{each}") for each in range(4)]
        for project in self.projects[:3]:
            Membership.objects.create(project=project, user=oscar, role="operator")
        self.held: dict[str, dict[str, Held]] = {}
        for project in self.projects:
            rows = {f"d{each}": self._held(rnd, project, each) for each in range(12) if rnd.random() < 0.6}
            self.held[project.public_id] = rows
            write_rows(project, [self._incoming(name, row) for name, row in rows.items()], now_ms=99 * DAY)
        self.mine = [project.public_id for project in self.projects[:3]]

    def _held(self, rnd: random.Random, project: Project, number: int) -> Held:
        name = f"{project.name}-d{number}"
        labels = [
            Made(
                f"{name}-l{at}",
                rnd.choice(PEOPLE),
                rnd.randrange(1, 40) * DAY + at,
                rnd.random() < 0.2,
                rnd.random() < 0.3,
            )
            for at in range(rnd.choice((0, 1, 1, 3)))
        ]
        return Held(
            key=f"key-{number}" if rnd.random() < 0.8 else f"other-{number}",
            media=rnd.choice(list(MEDIA)),
            dataset=f"Set {rnd.choice((number % 3, number % 2))}",
            activity=rnd.randrange(40, 60) * DAY,
            selected=rnd.choice(labels).label_id if labels else "",
            labels=labels,
        )

    @staticmethod
    def _incoming(name: str, held: Held) -> IncomingRow:
        return IncomingRow(
            position=name,
            key=held.key,
            row_id=name,
            row_data=f"https://media.example.test/{held.media}",
            status="review",
            media_attributes={"mime_type": MEDIA[held.media]},
            dataset=held.dataset,
            activity_ms=held.activity,
            project_details={"selected_label_id": held.selected} if held.selected else {},
            labels=[
                IncomingLabel(
                    objects=[box()],
                    label_id=each.label_id,
                    created_by=each.creator,
                    created_ms=each.at,
                    updated_ms=each.at,
                    performance={"skipped": each.is_skipped, "benchmark_reference_label": each.is_truth},
                )
                for each in held.labels
            ],
        )

    def expected(
        self, body: dict[str, Any], slice_filter: dict[str, Any]
    ) -> list[tuple[str, str, dict[str, list[str]]]]:
        """``(id, address, project → ids of labels)`` of each row that leaves."""
        taken = (
            self.mine
            if body.get("all_projects")
            else [each for each in self.mine if each in body.get("project_ids", [])]
        )
        order = [*taken, *(each for each in self.mine if each not in taken)]
        choice = body.get("labels", "not_skipped")
        conditions = body.get("filter", {}) | slice_filter
        if body["scope"]["kind"] == "dataset":
            conditions |= {"dataset_ids": [body["scope"]["id"]]}
        found = []
        for project in order:
            for name, own in self.held[project].items():
                having = [self.held[each][name] for each in order if name in self.held[each]]
                if having[0] is not own or not all(
                    self._holds(key, value, name, having) for key, value in conditions.items()
                ):
                    continue
                labels = {each: self.held[each][name].leaving(choice) for each in taken if name in self.held[each]}
                # a row without any label leaves with choices that do not ask for certain labels
                lenient = choice in ("all", "not_skipped", "latest", "selected")
                kept = {
                    each: ids for each, ids in labels.items() if ids or (lenient and not self.held[each][name].labels)
                }
                if taken and not kept and (labels or not lenient):
                    continue
                found.append((name, own.media, kept))
        return found

    @staticmethod
    def _holds(key: str, value: Any, name: str, having: list[Held]) -> bool:
        own = having[0]
        if key == "data_row_ids":
            return name in value
        if key == "global_keys":
            return own.key in value
        if key == "media_types":
            return own.media in value
        if key == "dataset_ids":
            return own.dataset in value
        low, high = value
        if key == "last_activity_at":
            return low <= max(each.activity for each in having) <= high
        assert key == "label_created_at"
        return any(low <= label.at <= high for each in having for label in each.labels)

    def wish(self, rnd: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
        """A description, and what its slice is to select by."""
        numbers = [rnd.randrange(14) for _ in range(5)]
        start = rnd.randrange(30)
        ways: dict[str, Any] = {
            "data_row_ids": [f"d{each}" for each in numbers],
            "global_keys": [f"key-{each}" for each in numbers] + [f"other-{numbers[0]}"],
        }
        times = {
            "label_created_at": [start * DAY, (start + 8) * DAY],
            "last_activity_at": [(start + 25) * DAY, (start + 40) * DAY],
        }
        own = {"media_types": rnd.sample(list(MEDIA), 2), "dataset_ids": [f"Set {rnd.randrange(4)}", "Set 1"]}
        kind = rnd.choice(("dataset", "slice", "catalog", "data_rows"))
        some = {key: times[key] for key in times if rnd.random() < 0.3}
        if kind == "data_rows" or rnd.random() < 0.3:
            way = rnd.choice(list(ways))
            some[way] = ways[way]
        body: dict[str, Any] = {"format": "ndjson", "scope": {"kind": kind}}
        slice_filter: dict[str, Any] = {}
        if kind == "dataset":
            body["scope"]["id"] = f"Set {rnd.randrange(3)}"
        if kind == "slice":
            slice_filter = some | {key: own[key] for key in own if rnd.random() < 0.5} or {"media_types": ["image"]}
        else:
            body["filter"] = some
        body |= rnd.choice(({}, {"all_projects": True}, {"project_ids": rnd.sample(self.mine, rnd.choice((1, 2)))}))
        choices = ("all", "not_skipped", "latest", "selected", "ground_truth", f"created_by:{PEOPLE[0]}")
        return {key: value for key, value in body.items() if value} | {"labels": rnd.choice(choices)}, slice_filter


@pytest.mark.parametrize("few", [0, 8])
def test_a_scope_reads_what_a_count_of_the_tests_own_says(transactional_db, connection, oscar, monkeypatch, few):
    monkeypatch.setattr(store, "FEW", few)  # rows by an index, whenever there is one; or as it comes
    rnd = random.Random(SEED + few)
    model = Model(connection, oscar, rnd)
    rows = 0
    for number in range(25):
        body, slice_filter = model.wish(rnd)
        asked = rnd.choice(model.projects[:3])
        if body["scope"]["kind"] == "slice":
            name, actor = f"slice {number}", person(oscar)
            made = slice_actions.save_slice(project=asked, name=name, filter=slice_filter, actor=actor)
            body["scope"]["id"] = made.public_id
        expected = model.expected(body, slice_filter)
        selection = settle(ExportSpec.parse(body, asked), asked, person(oscar)).selection
        source = source_of(asked, selection.scope)
        found = []
        with source.open(selection, frozenset({BODY, SEVERAL})) as reader:
            row_filter, label_filter = RowFilter(selection, source.pushed_down), LabelFilter(selection, reader, {BODY})
            for batch in reader.batches():
                batch = label_filter.apply(row_filter.apply(batch))
                for document in read_bodies(batch.bodies, [b"[]"] * len(batch)):
                    labels = {
                        each: [one["id"] for one in value["labels"]] for each, value in document["projects"].items()
                    }
                    address = document["data_row"]["row_data"].rpartition("/")[2]
                    found.append((document["data_row"]["id"], address, labels))
            dropped = sum((label_filter.dropped + row_filter.dropped).values())
            promised = reader.rows_expected
        assert orjson.dumps(found) == orjson.dumps(expected), (number, body, slice_filter)
        rows += len(found)
        assert promised is None or promised == len(found) + dropped, (number, body)
    assert rows > 60
