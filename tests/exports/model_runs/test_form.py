"""A model run exported from the form."""

from __future__ import annotations

import pytest

from connections.rows.batch import ALL_PARTS, PARTS
from connections.store.upsert import write_rows
from exports.forms.export import ExportForm
from tests.exports.model_runs.runs import predicted, scored
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db


def sent(project, **values):
    from django.http import QueryDict

    data = QueryDict(mutable=True)
    texts = {"project": project.public_id, "format": "ndjson", "parts": list(ALL_PARTS), "key": "k1", **values}
    for name, value in texts.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    form = ExportForm(data, project=project)
    form.is_valid()
    return form


@pytest.fixture
def filled(project):
    write_rows(project, [predicted(row("a", box()), scored(box()))])
    return project


def test_it_becomes_the_scope_and_parts_that_do_not_go_with_it_stay_out(filled):
    form = sent(filled, scope="model_run", scope_model_run="run-1", format="coco_results")
    assert not form.errors
    assert (form.spec.selection.scope.kind, form.spec.selection.scope.id) == ("model_run", "run-1")
    assert {"predictions", "model_run_details", "backup"} <= form.spec.selection.parts
    assert "label_details" not in form.spec.selection.parts


def test_predictions_alone_need_a_run(filled):
    assert "it goes with the scope model_run" in str(sent(filled, format="coco_results").errors["format"])


def test_a_project_without_runs_is_not_asked(project):
    form = sent(project, parts=list(PARTS))
    assert not form.errors
    assert "scope_model_run" not in form.fields
    assert form.spec.selection.parts == frozenset(PARTS)
