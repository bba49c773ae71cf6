"""One filter means the same rows whatever platform they are mirrored from; ``tests/platforms`` tries many more."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.label_studio_server import LabelStudioServer
from tests.support.labellerr_server import LabellerrServer
from tests.support.one_filter import SameProject, check_filter
from tests.support.same_rows import as_label_studio, as_labellerr, filters, same_rows

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 60


@pytest.fixture
def projects(
    labellerr_server: LabellerrServer, label_studio_server: LabelStudioServer, tmp_path, settings
) -> list[SameProject]:
    settings.EXPORTADMIN_HOME = tmp_path
    rows = same_rows(COUNT)
    labellerr_server.serve("one", [as_labellerr(row) for row in rows])
    label_studio_server.serve(1, [as_label_studio(row) for row in rows])
    return [
        SameProject.mirrored(labellerr_server, "labellerr", "one", "file-{}".format),
        SameProject.mirrored(label_studio_server, "label_studio", "1", str),
    ]


def test_the_same_rows_come_of_every_platform(projects):
    rows = same_rows(COUNT)

    @settings(max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck), deadline=None)
    @given(filters(COUNT))
    def one(wanted):
        check_filter(rows, projects, wanted)

    one()
