"""The script of Label Studio's page, as its SDK sends it, against a live server with a worker."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile

import pytest
import requests

from tests.exports.dialects.label_studio.conftest import Site
from tests.exports.dialects.label_studio.sdk import ApiError, Client


@pytest.mark.parametrize("way", ["legacy", "jwt"])
def test_the_script_of_the_page(site: Site, way: str):
    client = site.client("" if way == "legacy" else site.refresh_token())
    project = client.project(site.project)
    assert client.views(site.project) == []
    began = time.monotonic()
    made = client.create(site.project, title=f"Export SDK Snapshot {way}")
    assert time.monotonic() - began < 30  # how fast it is, is measured elsewhere
    assert made["status"] == "created"
    ended = client.ended(site.project, made["id"])
    assert ended["status"] == "completed", ended
    raw = b"".join(client.download(site.project, made["id"], "JSON"))
    assert hashlib.md5(raw).hexdigest() == ended["md5"]
    tasks = json.loads(raw)
    assert len(tasks) == ended["counters"]["task_number"] == project["task_number"]

    newest = sorted(client.list(site.project), key=lambda one: one["created_at"], reverse=True)[0]
    assert newest["id"] == made["id"]
    started = client.convert(site.project, newest["id"], "YOLO")
    assert started["export_type"] == "YOLO"
    converted = client.ended(site.project, newest["id"], started["converted_format"])
    assert converted["status"] == "completed", converted
    found = zipfile.ZipFile(io.BytesIO(b"".join(client.download(site.project, newest["id"], "YOLO"))))
    assert "classes.txt" in found.namelist()
    with pytest.raises(ApiError, match="Conversion to YOLO already started"):
        client.convert(site.project, newest["id"], "YOLO")
    assert len(client.get(site.project, newest["id"])["converted_formats"]) == 1


def test_a_format_that_nobody_converted_to_and_one_that_there_is_not(site: Site):
    client = site.client()
    made = client.create(site.project, title="Not converted")
    client.ended(site.project, made["id"])
    with pytest.raises(ApiError, match="VOC format is not converted yet") as caught:
        next(client.download(site.project, made["id"], "VOC"))
    assert caught.value.status_code == 404
    with pytest.raises(ApiError, match="NOPE is not supported export format"):
        client.convert(site.project, made["id"], "NOPE")
    known = {one["name"] for one in client.call("GET", f"api/projects/{site.project}/export/formats")}
    assert {"JSON", "YOLO", "VOC"} <= known


def test_whatever_asks_for_a_conversion_at_once_waits_for_it(site: Site):
    """``as_pandas`` and ``as_file`` do not look at the conversion's own status."""
    raw = site.client().as_bytes(site.project, "VOC", title="At once")
    assert zipfile.ZipFile(io.BytesIO(raw)).testzip() is None


def test_all_tasks_at_once_with_what_was_asked_of_them(site: Site):
    client = site.client()
    everything = json.loads(client.as_bytes(site.project, title="All"))
    first = everything[0]["id"]
    item = {"filter": "filter:tasks:id", "operator": "equal", "type": "Number", "value": first}
    data = {"title": "One", "filters": {"conjunction": "and", "items": [item]}}
    view = client.call("POST", "api/dm/views/", body={"project": site.project, "data": data})
    chosen = json.loads(client.as_bytes(site.project, title="One", task_filter_options={"view": view["id"]}))
    assert [one["id"] for one in chosen] == [first]
    assert chosen[0] == everything[0]
    client.call("DELETE", f"api/dm/views/{view['id']}/")
    easy = json.loads(client.download_sync(site.project, export_type="JSON", download_all_tasks=True))
    assert easy == everything
    some = client.download_sync(site.project, ids=[everything[1]["id"], first], download_all_tasks=True)
    assert [one["id"] for one in json.loads(some)] == [first, everything[1]["id"]]


def test_it_is_fetched_from_anywhere_in_it(site: Site):
    client = site.client()
    made = client.create(site.project, title="Ranges")
    client.ended(site.project, made["id"])
    path = f"api/projects/{site.project}/exports/{made['id']}/download"
    whole = client.send("GET", path, params={"exportType": "JSON"})
    size = len(whole.content)
    assert int(whole.headers["Content-Length"]) == size
    assert whole.headers["Content-Disposition"].startswith('attachment; filename="')
    assert whole.headers["filename"] in whole.headers["Content-Disposition"]
    head = client.send("HEAD", path)
    assert (head.headers["Content-Length"], head.headers["ETag"]) == (str(size), whole.headers["ETag"])
    part = client.send("GET", path, headers={"Range": "bytes=5-104"})
    assert (part.status_code, part.headers["Content-Range"]) == (206, f"bytes 5-104/{size}")
    assert part.content == whole.content[5:105]
    beyond = requests.get(site.base + path, headers=client.headers() | {"Range": f"bytes={size}-"}, timeout=60)
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    same = requests.get(
        site.base + path, headers=client.headers() | {"If-None-Match": head.headers["ETag"]}, timeout=60
    )
    assert same.status_code == 304


def test_what_is_deleted_is_gone_with_its_conversions(site: Site):
    client = site.client()
    made = client.create(site.project, title="To be deleted")
    client.ended(site.project, made["id"])
    started = client.convert(site.project, made["id"], "YOLO")
    client.ended(site.project, made["id"], started["converted_format"])
    answer = client.send("DELETE", f"api/projects/{site.project}/exports/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for call in (
        lambda: client.get(site.project, made["id"]),
        lambda: next(client.download(site.project, made["id"], "JSON")),
        lambda: next(client.download(site.project, made["id"], "YOLO")),
    ):
        with pytest.raises(ApiError) as caught:
            call()
        assert caught.value.status_code == 404
    folder = site.installation.home / "artifacts"
    assert not [path for path in folder.rglob("*") if made["report_id"] in path.name]


def test_a_wrong_key_is_told_in_its_shape(site: Site):
    for key in ("ea_wrong", "wrong"):
        with pytest.raises(ApiError) as caught:
            Client(site.base, key).project(site.project)
        assert caught.value.status_code == 401
        assert caught.value.body["status_code"] == 401


def test_the_lines_of_the_page_name_what_they_call(site: Site):
    """They are run with the SDK itself elsewhere."""
    from exports.dialects import DIALECTS

    for _, lines in DIALECTS["label_studio"].lines(site.address, "", site.project, key=site.key):
        compile(lines, "pasted", "exec")
        assert f'base_url="{site.base}"' in lines
        assert site.key in lines
