"""What a project holds, counted for pages, and what has changed since a moment."""

from __future__ import annotations

from connections.store.overview import Group, ProjectSummary, changes_since, overview, summaries
from connections.store.upsert import write_rows
from tests.support.rows import answer, box, mixed, polygon, row


def test_an_empty_project_has_nothing_and_no_times(project):
    found = overview(project.public_id)
    assert (found.rows, found.annotations, found.by_status, found.by_class) == (0, 0, {}, {})
    assert (found.activity_ms, found.revision) == (None, 0)


def test_rows_are_counted_by_status_and_annotations_by_class_and_kind(project):
    write_rows(project, [row("a", box("car"), box("car"), polygon("road")), row("b", answer("quality"))], now_ms=1_000)
    write_rows(project, [row("c", box("dog"), status="accepted")], now_ms=2_000)
    found = overview(project.public_id)
    assert found.by_status == {"review": 2, "accepted": 1}
    assert found.by_class == {"car": 2, "dog": 1, "quality": 1, "road": 1}
    assert found.by_kind == {"box": 3, "classification": 1, "polygon": 1}
    assert (found.rows, found.annotations, found.revision) == (3, 5, 2)


def test_it_is_counted_anew_when_a_row_changes(project):
    write_rows(project, [row("a", box("car"))], now_ms=1_000)
    assert overview(project.public_id).by_class == {"car": 1}
    write_rows(project, [row("a", box("dog"))], now_ms=2_000)
    assert overview(project.public_id).by_class == {"dog": 1}


def test_asked_again_while_nothing_changed_it_costs_one_query(project, django_assert_num_queries):
    write_rows(project, mixed(20), now_ms=1_000)
    first = overview(project.public_id)
    with django_assert_num_queries(1):
        assert overview(project.public_id) == first


def test_changes_tell_new_rows_from_changed_ones(project):
    write_rows(project, mixed(5), now_ms=2_000)
    # the clock was set back
    write_rows(project, [row("row-00001", box("bus")), row("new", box("car"))], now_ms=1_000)
    changes = changes_since(project.public_id, 1)
    assert (changes.added, changes.changed, changes.removed, changes.any) == (1, 1, 0, 2)
    assert changes_since(project.public_id, 2).any == 0


def test_an_import_in_which_nothing_changed_raises_no_revision(project):
    write_rows(project, mixed(5))
    write_rows(project, mixed(5))
    assert overview(project.public_id).revision == 1


def test_projects_in_a_list_have_their_rows_and_when_they_were_written_last(project, django_assert_num_queries):
    write_rows(project, mixed(3), now_ms=2_000)
    with django_assert_num_queries(2):
        found = summaries([project.public_id, "nosuch"])
    assert found == {project.public_id: ProjectSummary(rows=3, written_ms=2_000)}


def test_datasets_and_batches_have_their_names_and_rows_the_largest_first(project):
    rows = [
        row("a", dataset="south", dataset_id="d1", batch_id="b1", batch_name="first"),
        row("b", dataset="north", dataset_id="d2", batch_id="b1", batch_name="first"),
        row("c", dataset="north", dataset_id="d2", batch_id="b2"),
        row("d", dataset=""),
    ]
    write_rows(project, rows)
    found = overview(project.public_id)
    assert list(found.datasets.items()) == [("d2", Group("north", 2)), ("d1", Group("south", 1))]
    assert found.batches == {"b1": Group("first", 2), "b2": Group("", 1)}


def test_a_dataset_that_was_renamed_is_one_dataset(project):
    write_rows(project, [row("a", dataset="north", dataset_id="d1"), row("b", dataset="quay", dataset_id="d1")])
    assert overview(project.public_id).datasets == {"d1": Group("quay", 2)}


def test_a_name_that_is_too_long_to_be_kept_is_refused_with_its_length(project):
    summary = write_rows(project, [row("a", dataset="n" * 501), row("b", batch_id="b1", batch_name="n" * 501)])
    assert [each.reason for each in summary.refused] == [
        "dataset has 501 characters; at most 500 are kept",
        "batch_name has 501 characters; at most 500 are kept",
    ]
