"""Exports with their pictures: in the zip under the name of their text, and what could not be had listed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from connections.models import Project
from connections.pictures import PictureFetcher
from connections.rows.batch import BODY, COCO
from connections.store.upsert import write_rows
from exportadmin.lib.addresses import HostPort
from exportadmin.lib.http import Guard
from exports.formats import FORMATS
from exports.formats.base import FormatContext
from tests.connections.rows.documents import box, document, label, polygon
from tests.exports.delivery.conftest import deliver, filled, home, script  # noqa: F401 - fixtures
from tests.exports.formats.archives import entries, index_of
from tests.exports.formats.running import ONTOLOGY, batch_of
from tests.exports.formats.test_training_options import archive_of
from tests.support.canary import Canary, response
from tests.support.rows import box as store_box
from tests.support.rows import row

pytestmark = pytest.mark.django_db(transaction=True)
Servers = Callable[..., Canary]
PLACES = {
    "yolo": ("labels/", "images/", ".txt"),
    "yolo_obb": ("labels/", "images/", ".txt"),
    "voc": ("Annotations/", "JPEGImages/", ".xml"),
}


def picture(kind: str, width: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, 3), "red").save(stream, kind)
    return stream.getvalue()


def missing_of(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["images_missing.csv"].decode(), newline=""), strict=True))


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize("split", ["none", "50/50"])
def test_every_picture_has_the_name_of_its_text_and_the_ending_of_its_type(
    key, split, project: Project, tmp_path: Path, servers: Servers
):
    bodies = {f"/{number}": picture("PNG" if number % 2 else "JPEG", number + 1) for number in range(20)}

    def answer(asked: bytes) -> list[bytes]:
        body = bodies.get(asked.split()[1].decode())
        return [response(200, body) if body else response(404)]

    server = servers(answer)
    marks = label(box("can", 30, 1, 2, 2), polygon("bag", [(1, 1), (5, 1), (5, 5), (2, 6), (1, 5)]))
    rows = [
        document(marks, row_id=f"r{number}", global_key="same.jpg", row_data=f"{server.url}/{number}?sig=s3cr3t")
        if number % 3
        else document(row_id=f"r{number}", global_key=f"{number}.gif", row_data=f"{server.url}/{number}")
        for number in range(22)
    ]
    bodies |= {f"{path}?sig=s3cr3t": body for path, body in bodies.items()}
    folder = tmp_path / "scratch"
    folder.mkdir()
    guard = Guard(private=(HostPort(server.host, server.port),))
    with closing(PictureFetcher(project, folder, guard=guard)) as fetcher:
        options = {"images": "with", "split": split}
        writer = FORMATS[key](FormatContext("p", "P", ONTOLOGY, frozenset(), folder, options, pictures=fetcher))
        assert FORMATS[key].reads(options) == {BODY, COCO}
        batch = batch_of(rows, frozenset({BODY, COCO}))
        content = b"".join([*writer.header(), *writer.rows(batch), *writer.footer()])
    assert list(folder.iterdir()) == []
    files = entries(content)
    texts, pictures, suffix = PLACES[key]
    stems = {name.removeprefix(texts).removesuffix(suffix): name for name in files if name.startswith(texts)}
    index = index_of(files)
    for number in range(20):
        line = index[f"r{number}"]
        assert files[line["picture"]] == bodies[f"/{number}"]
        assert line["picture"].endswith(".png" if number % 2 else ".jpg")
        assert line["picture"].startswith(pictures)
        assert stems[line["picture"].removeprefix(pictures).rpartition(".")[0]] == line["file"]
    # each has its text also where there is no picture
    assert [index[f"r{number}"]["picture"] for number in (20, 21)] == ["", ""]
    assert len(stems) == 22
    assert missing_of(files) == [
        {
            "data_row_id": f"r{number}",
            "global_key": rows[number]["data_row"]["global_key"],
            "address": f"{server.url}/{number}",
            "reason": f"{server.url} answered 404 (not found)",
        }
        for number in (20, 21)
    ]
    assert b"s3cr3t" not in content
    noted = writer.notes()
    assert (noted["images"], noted["images_missing"]) == (20, 2)
    assert noted.get("outside", 14) == 14, "each counted once, though some texts are written twice"


@pytest.mark.parametrize(
    ("key", "entry"), [("label_studio_coco", "result.json"), ("brush_to_coco", "result_coco.json")]
)
def test_an_image_of_coco_names_the_picture_that_is_there(
    key, entry, project: Project, tmp_path: Path, servers: Servers
):
    bodies = {f"/{number}/photo.jpg": picture("JPEG", number + 1) for number in range(3)} | {"/bare": picture("PNG", 9)}

    def answer(asked: bytes) -> list[bytes]:
        body = bodies.get(asked.split()[1].decode())
        return [response(200, body) if body else response(404)]

    server = servers(answer)
    paths = [*bodies, "/0/photo.jpg", "/gone.jpg"]
    rows = [
        document(label(box("can", 1, 1, 2, 2)), row_id=path, global_key=f"task-{number}", row_data=server.url + path)
        for number, path in enumerate(paths)
    ]
    folder = tmp_path / "scratch"
    folder.mkdir()
    guard = Guard(private=(HostPort(server.host, server.port),))
    with closing(PictureFetcher(project, folder, guard=guard)) as fetcher:
        writer = FORMATS[key](
            FormatContext("p", "P", ONTOLOGY, frozenset(), folder, {"images": "with"}, pictures=fetcher)
        )
        batch = batch_of(rows, frozenset({BODY, COCO}))
        content = b"".join([*writer.header(), *writer.rows(batch), *writer.footer()])
    assert list(folder.iterdir()) == []
    files = entries(content)
    coco = json.loads(files[entry])
    names = ["images/" + one["file_name"].removeprefix("images/") for one in coco["images"]]
    assert len(set(names)) == len(names)
    assert [files.get(name) for name in names] == [*bodies.values(), bodies["/0/photo.jpg"], None]
    assert [Path(name).suffix for name in names] == [".jpg", ".jpg", ".jpg", ".png", ".jpg", ".jpg"]
    assert [line["data_row_id"] for line in missing_of(files)] == ["/gone.jpg"]
    assert [one["image_id"] for one in coco["annotations"]] == [0, 1, 2, 3, 4, 5]
    assert writer.notes() == {"images": 5, "images_missing": 1}


def test_an_export_takes_what_is_kept_and_its_plan_fetches_nothing(deliver, script, filled, settings, home):  # noqa: F811
    settings.MEDIA_DIR = home / "media"
    (settings.MEDIA_DIR / filled.public_id).mkdir(parents=True)
    (settings.MEDIA_DIR / filled.public_id / "a.png").write_bytes(picture("PNG", 160))
    rows = [row(key, store_box()) for key in ("kept.jpg", "gone.jpg")]
    for one, name in zip(rows, ("a.png", "b.png"), strict=True):
        one.row_data = f"/media/{filled.public_id}/{name}"
    write_rows(filled, rows, now_ms=2_000)
    asked: dict[str, Any] = {"filter": {"global_keys": ["kept.jpg", "gone.jpg"]}, "options": {"images": "with"}}
    plan = script.post("reports/plan/", {"project": filled.name, "format": "yolo", **asked}).json()
    assert plan["stops"] == []
    assert any("pictures themselves are fetched when it runs" in warning for warning in plan["warnings"])
    report = deliver(format="yolo", **asked)
    files = archive_of(report)
    assert files["images/kept.png"] == picture("PNG", 160)
    assert [line["global_key"] for line in missing_of(files)] == ["gone.jpg"]
    assert report.check_values["notes"] == {"images": 1, "images_missing": 1}
    # of the snapshot of that time likewise
    before = deliver(format="ndjson", filter=asked["filter"])
    answer = script.post(f"reports/{before.report_id}/convert/", {"format": "voc", "options": {"images": "with"}})
    assert answer.status_code == 202, answer.content
