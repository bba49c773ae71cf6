"""What only folders of this machine have: ways out of them, and somebody's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.sinks.base import DeliveredFileError
from connections.sinks.local import LocalSink
from exportadmin.lib.errors import UserError


@pytest.mark.parametrize(
    "location", ["../outside", "./outside", "x/../../outside", "..", "project", "project/", "/../outside"]
)
def test_a_location_that_was_tampered_with_leads_to_no_folder_that_is_there(home: Path, location: str):
    project = home / "artifacts" / "project"
    for folder in (home / "outside", project, home / "artifacts" / "x", Path(home / "artifacts" / "outside")):
        folder.mkdir(parents=True)
        (folder / "rows").write_text("secret")
    delivery = LocalSink(None, {}).delivery(location)
    assert list(delivery.entries()) == []
    with pytest.raises(DeliveredFileError):
        delivery.open("rows")
    delivery.remove()
    assert (home / "outside" / "rows").exists() and (project / "rows").exists()


def test_a_folder_of_somebody_is_theirs_and_gets_exactly_the_delivery(home: Path, report):
    theirs = home / "theirs"
    sink = LocalSink(None, {"folder": str(theirs)})
    assert sink.is_ours is False
    delivery = sink.begin(report).commit(b"{}")
    assert (delivery.location, [path.name for path in theirs.iterdir()]) == (str(theirs), ["manifest.json"])
    assert LocalSink(None, {}).delivery(delivery.location).open("manifest.json").size == 2
    with pytest.raises(UserError, match="is not empty"):
        sink.begin(report)


def test_deliveries_are_found_in_a_home_that_was_moved(home: Path, report, settings):
    sink = LocalSink(None, {})
    location = sink.begin(report).commit(b"{}").location
    assert location == f"{report.project_id}/{report.report_id}"
    settings.ARTIFACTS_DIR = (home / "artifacts").rename(home / "elsewhere")
    assert sink.delivery(location).open("manifest.json").size == 2
