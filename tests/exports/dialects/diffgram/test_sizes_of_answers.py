"""A list is as long as what it lists: no answer grows with the jobs of a project times something else."""

from __future__ import annotations

from typing import Any

import pytest

from connections.models import Project as OurProject
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exports import actions
from exports.dialects.diffgram import views
from exports.formats.diffgram_info import Place, job_json
from exports.spec.spec import ExportSpec
from tests.exports.dialects.diffgram.conftest import Site
from tests.rest.world import SHELL
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)


def add_batches(project: OurProject, count: int) -> None:
    rows = [row(f"{n}.jpg", box("car"), batch_id=f"batch-{n}") for n in range(count)]
    write_rows(project, rows, now_ms=1_700_000_000_001)


def test_an_export_and_a_directory_are_as_long_with_many_jobs_as_with_few(site: Site):
    client, project = site.client(begin=False), site.project.public_id
    spec = ExportSpec.parse({"format": "diffgram_json", "filter": {"batch_ids": ["b1"]}}, site.project)
    for _ in range(3):
        actions.request_export(project=site.project, spec=spec, actor=SHELL)
    asks: Any = (
        lambda: client.get(f"/api/walrus/project/{project}/export/working_dir/list"),
        lambda: client.post(f"/api/v1/project/{project}/directory/list", {}),
        lambda: client.get(f"/api/project/{project}/user/legacy/working_dir/view"),
    )
    before = [len(str(ask())) for ask in asks]
    add_batches(site.project, 200)
    StoreRow.objects.filter(project=site.project).update(created_ms=StoreRow.objects.order_by("pk")[0].created_ms)
    assert [len(str(ask())) for ask in asks] == before


def test_a_page_of_jobs_is_cut_before_it_is_written(site: Site, monkeypatch: pytest.MonkeyPatch):
    add_batches(site.project, 120)
    written: list[str] = []

    def write(job: Place, whole: Place) -> dict[str, Any]:
        written.append(job.key)
        return job_json(job, whole)

    monkeypatch.setattr(views, "job_json", write)
    client, wanted = site.client(begin=False), {"project_string_id": site.project.public_id}
    found = client.post("/api/v1/job/list", {"metadata": wanted | {"page_number": 3}})
    assert found["metadata"] == {"total_job_number": 122, "number_of_pages": 3}
    assert len(found["Job_list"]) == len(written) == 22
    complete = client.post("/api/v1/job/list", {"metadata": wanted | {"page_number": 1, "status": ["complete"]}})
    assert [one["name"] for one in complete["Job_list"]] == ["b2"]
