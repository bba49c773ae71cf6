"""Calls of Labelbox's SDK that its pages about exports do not have."""

from __future__ import annotations

from tests.platforms.labelbox import rows
from tests.platforms.labelbox.conftest import Site
from tests.platforms.labelbox.sdk import Sdk


def test_the_data_rows_of_a_slice_are_listed(site: Site, current: Sdk):
    done = current.run(
        site.client,
        f"for one in client.get_catalog_slice({site.slice_id!r}).get_data_row_identifiers():\n    print(one.id.key)\n",
    )
    assert (done.lines, done.error) == (["row-001", "row-002"], "")


def test_embeddings_and_fields_of_metadata_are_none(site: Site, current: Sdk):
    code = "print(client.get_embeddings(), client.get_data_row_metadata_ontology().fields)\n"
    done = current.run(site.client, code)
    assert (done.output, done.error) == ("[] []\n", "")


def test_an_export_of_the_older_kind_is_a_list(site: Site, current: Sdk):
    code = (
        "task = project.export_v2(params={'label_details': True})\ntask.wait_till_done()\n"
        "print(type(task).__name__, task.status, task.errors)\n"
        "result = task.result\nprint(type(result).__name__, len(result), result[0]['data_row']['id'])\n"
    )
    done = current.run(site.before, code)
    assert (done.lines, done.error) == (["ExportTask COMPLETE None", f"list {rows.ROWS} {rows.row_id(0)}"], "")
