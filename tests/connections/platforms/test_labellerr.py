"""Labellerr as it is, and as it misbehaves: each ends right, in words."""

from __future__ import annotations

import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from connections.platforms.base import (
    Failed,
    LostAnswerError,
    NewRemoteConnection,
    NothingThereError,
    Ready,
    RemoteFile,
    Waiting,
    Wanted,
)
from connections.platforms.labellerr import rows
from connections.platforms.labellerr.client import MOST_NEW_ADDRESSES, RefusedError
from connections.platforms.labellerr.platform import LabellerrPlatform
from connections.platforms.sent_once import UnreadableError
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from exportadmin.lib.http import NotSentError, TransientStatusError
from tests.connections.platforms.conftest import connected
from tests.support.far_side import Answer, page, redirect, silence
from tests.support.labellerr_server import API_KEY, API_SECRET, CREATED, PROCESSING, STATUSES, LabellerrServer, refusal

WANTED = Wanted("ours-1", "json")


def made(platform: LabellerrPlatform, wanted: Wanted = WANTED) -> str:
    return platform.ask("one", wanted).remote_id


def fetched(platform: LabellerrPlatform, folder: Path, wanted: Wanted = WANTED) -> RemoteFile:
    (file,) = platform.fetch("one", made(platform, wanted), wanted, folder, lambda count: None)
    return file


# --- what is sent --------------------------------------------------------------------------------------------------


def test_keys_go_in_headers_with_underscores_and_a_create_says_all(labellerr, far_side):
    remote_id = made(labellerr, replace(WANTED, statuses=("review", "accepted"), updated_after_ms=2000))
    (call,) = far_side.calls
    assert call.query == {"project_id": "one", "client_id": "1234"}
    assert call.headers["api_secret"] == API_SECRET
    assert call.sent == {
        "export_name": "ours-1",
        "export_description": "ours-1",
        "export_format": "json",
        "statuses": ["review", "accepted"],
        "question_ids": ["all"],
        "export_destination": "local",
        "connection_id": None,
        "export_folder_path": None,
        "updated_after_timestamp": 2000,
    }
    assert remote_id == "report00000000000001"


def test_without_statuses_all_fifteen_are_asked_for(labellerr, far_side):
    made(labellerr)
    assert far_side.calls[0].sent["statuses"] == STATUSES


def test_an_id_is_one_part_of_a_path(labellerr, far_side):
    far_side.serve("a/../b c")
    assert labellerr.project("a/../b c").external_id == "a/../b c"
    with pytest.raises(PermanentError, match=r"'\.\.' is no id"):
        labellerr.project("..")


def test_a_base_address_may_have_a_path(far_side, db):
    platform = connected(far_side, base_address=f"{far_side.url}/dialects/labellerr/")
    with pytest.raises(RefusedError, match="answered 404"):
        platform.project("one")
    assert far_side.calls[0].path == "/dialects/labellerr/projects/project/one"


# --- projects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_object", [False, True])
def test_projects_come_as_a_list_or_in_an_object(labellerr, far_side, in_object):
    far_side.habits.projects_in_object = in_object
    far_side.serve("two", name="Second", data_type="video")
    assert [(one.external_id, one.name, one.data_type) for one in labellerr.projects()] == [
        ("one", "First", "image"),
        ("two", "Second", "video"),
    ]


def test_one_that_the_list_says_little_of_is_asked_about(labellerr, far_side):
    told = {"response": [{"project_id": "one"}, {"project_id": "gone"}, {"no": "id"}, "nonsense"]}
    far_side.answers["projects"] = [Answer(200, orjson.dumps(told))]
    one, gone = labellerr.projects()
    assert (one.name, one.data_type) == ("First", "image")
    assert gone.name == "gone"
    assert "answered 404" in gone.details["error"]


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 200])
def test_no_file_with_such_a_status_is_nothing_there(labellerr, far_side, status):
    far_side.habits.nothing_status = status
    with pytest.raises(NothingThereError, match="No files found with the given status"):
        made(labellerr, replace(WANTED, updated_after_ms=10_000_000))


@pytest.mark.parametrize("is_done", [True, False])
def test_an_answer_that_does_not_come_may_have_been_made(labellerr, far_side, is_done):
    far_side.answers["create"] = [silence(is_done=is_done)]
    with pytest.raises(LostAnswerError):
        made(labellerr)
    assert labellerr.find("one", "ours-1") == ("report00000000000001" if is_done else None)


def test_an_answer_that_comes_too_late_may_have_been_made(labellerr, far_side, settings):
    settings.PLATFORM_ANSWER_SECONDS = 1
    over = threading.Event()
    far_side.answers["create"] = [silence(is_done=True, until=over)]
    with pytest.raises(LostAnswerError, match="did not answer in time"):
        made(labellerr)
    over.set()
    assert labellerr.find("one", "ours-1") == "report00000000000001"


@pytest.mark.parametrize(
    "answer",
    [
        page(),
        page(502),
        refusal(500, "Internal server error"),
        refusal(503, Retry_After="5"),
        refusal(524, "A timeout occurred"),
        Answer(200, b'{"response": {"report": 1}}'),
        Answer(200, b'{"response": null}'),
        Answer(200, b"[]"),
        Answer(200, b"x" * (17 * 1024 * 1024)),
    ],
)
def test_an_answer_that_says_nothing_of_the_export_may_stand_for_one_that_was_made(labellerr, far_side, answer):
    answer.is_done = True
    far_side.answers["create"] = [answer]
    with pytest.raises(LostAnswerError):
        made(labellerr)
    assert far_side.count("create") == 1


def test_one_that_is_busy_has_made_nothing_and_says_when(labellerr, far_side):
    far_side.answers["create"] = [refusal(429, "Too many", Retry_After="45")]
    with pytest.raises(TransientStatusError, match=r"answered 429 .*: Too many \(tracking id t-0\)") as caught:
        made(labellerr)
    assert not isinstance(caught.value, LostAnswerError)
    assert caught.value.retry_after == 45


def test_nobody_there_was_asked_nothing(labellerr, far_side):
    far_side.close()
    with pytest.raises(NotSentError, match="no connection to"):
        made(labellerr)


def test_a_refusal_is_told_in_its_words_with_the_tracking_id(labellerr, far_side):
    far_side.answers["create"] = [refusal(422, "template is being changed")]
    with pytest.raises(RefusedError, match=r"answered 422 .*: template is being changed \(tracking id t-0\)"):
        made(labellerr)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "API key or API secret is wrong"), (403, "the key may not do that")]
)
def test_keys_that_are_not_taken_are_told_of_in_words(labellerr, far_side, status, words):
    far_side.answers["status"] = [refusal(status, "not authorized")]
    with pytest.raises(RefusedError, match=words):
        labellerr.look("one", made(labellerr))


def test_a_refusal_that_repeats_the_keys_does_not_tell_them(labellerr, far_side):
    far_side.answers["create"] = [refusal(400, f"wrong: {API_SECRET}")]
    with pytest.raises(RefusedError) as caught:
        made(labellerr)
    assert API_SECRET not in str(caught.value)


def test_a_request_that_is_redirected_is_not_sent_on(labellerr, far_side):
    far_side.answers["create"] = [redirect("/sdk/export/files")]
    with pytest.raises(PermanentError, match="redirects a POST elsewhere"):
        made(labellerr)
    assert far_side.count("create") == 1


def test_keys_do_not_go_along_to_another_host(labellerr, far_side, servers):
    other = servers()
    far_side.answers["projects"] = [redirect(f"{other.url}/elsewhere")]
    with pytest.raises(PermanentError, match="a superuser can permit"):
        list(labellerr.projects())
    assert other.connections() == 0


def test_an_export_is_found_by_its_name_the_oldest_of_several(labellerr, far_side):
    moments = iter(range(1000, 9000, 1000))
    far_side.clock_ms = lambda: next(moments, 9000)
    for name in ("ours-1", "other", "ours-1", "ours-1"):
        far_side.make("one", export_name=name)
    assert labellerr.find("one", "ours-1") == "report00000000000001"
    assert labellerr.find("one", "nobody's") is None


# --- looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [("response",), ("status",), ("response", "status")])
def test_how_it_stands_is_read_under_either_key(labellerr, far_side, keys):
    far_side.habits.status_keys = keys
    assert labellerr.look("one", made(labellerr)) == Ready("Created")


@pytest.mark.parametrize(
    ("item", "standing"),
    [
        (PROCESSING, Waiting("Processing")),
        ({"export_status": "created", "is_completed": True}, Ready("created")),
        ({"export_status": "Created", "is_completed": False}, Waiting("Created")),
        ({"export_status": "Completed", "is_completed": True}, Ready("Completed")),
        ({"export_status": "Processing", "is_completed": True}, Waiting("Processing", is_known=False)),
        ({"export_status": "Uploading parts", "is_completed": True}, Waiting("Uploading parts", is_known=False)),
        ({"export_status": None, "is_completed": True}, Waiting("None", is_known=False)),
        ({"export_status": "FAILED", "is_completed": False, "error": "no space"}, Failed("FAILED", "no space")),
        ({"export_status": "Failed", "is_completed": True, "error": {"message": "x"}}, Failed("Failed", "x")),
        ({"export_status": "Failed", "is_completed": True}, Failed("Failed")),
    ],
)
def test_only_what_is_created_and_completed_is_made(labellerr, far_side, item, standing):
    far_side.habits.looks = [item]
    assert labellerr.look("one", made(labellerr)) == standing


def test_one_of_which_nothing_is_said_needs_attention(labellerr, far_side):
    assert labellerr.look("one", "never-heard-of") == Waiting("nothing of this export", is_known=False)


def test_one_that_is_created_but_has_no_address_yet_is_waited_for(labellerr, far_side):
    far_side.habits.no_url_yet = 1
    remote_id = made(labellerr)
    assert labellerr.look("one", remote_id) == Waiting("Created, but no address of the file")
    assert labellerr.look("one", remote_id) == Ready("Created")


@pytest.mark.parametrize("answer", [page(), Answer(200, b"[1]"), Answer(200, b"{}")])
def test_an_answer_of_somebody_else_is_asked_for_again(labellerr, far_side, answer):
    far_side.answers["status"] = [answer]
    remote_id = made(labellerr)
    with pytest.raises(UnreadableError, match="does not answer as Labellerr does"):
        labellerr.look("one", remote_id)


# --- fetching ---------------------------------------------------------------------------------------------------------


def test_json_is_counted_by_status_and_class(labellerr, tmp_path):
    file = fetched(labellerr, tmp_path)
    assert (file.rows, file.rows_by_status) == (30, dict.fromkeys(STATUSES, 2))
    assert file.annotations_by_class == {"car": 10, "window": 10}
    assert file.notes == {"rows without an annotation": 20}
    assert file.path.stat().st_size == file.bytes


def test_coco_is_counted_and_is_the_one_that_was_asked_for(labellerr, far_side, tmp_path):
    file = fetched(labellerr, tmp_path, replace(WANTED, format="coco_json", statuses=("review", "None")))
    assert (file.rows, file.rows_by_status) == (4, {"review": 2, "None": 2})
    assert file.annotations_by_class == {"car": 2, "window": 2}


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (
            {"version": "another", "description": "ours-1"},
            r"is of export 'another', not of 'report0{13}1' \(info.version\)",
        ),
        ({"version": "report00000000000001", "description": "theirs"}, r"of the name 'theirs', not of 'ours-1'"),
    ],
)
def test_coco_of_another_export_is_refused(labellerr, far_side, tmp_path, info, words):
    far_side.habits.file_content = orjson.dumps({"info": info, "images": [], "annotations": [], "categories": []})
    with pytest.raises(PermanentError, match=words):
        fetched(labellerr, tmp_path, replace(WANTED, format="coco_json"))


def test_csv_records_are_lines_outside_of_quotes(labellerr, far_side, tmp_path):
    far_side.habits.file_content = b'id,remark\r\n1,"two\nlines and ""quotes"""\r\n2,x'
    file = fetched(labellerr, tmp_path, replace(WANTED, format="csv"))
    assert (file.rows, file.notes) == (None, {"records in the file": 2})
    assert (file.name, file.media_type) == ("export.csv", "text/csv")


def test_png_comes_in_an_archive_whose_files_are_counted(labellerr, tmp_path):
    file = fetched(labellerr, tmp_path, replace(WANTED, format="png"))
    assert (file.rows, file.name, file.notes) == (None, "export.zip", {"files in the archive": 30})


def test_a_format_that_nobody_documents_is_taken_as_it_is(labellerr, tmp_path):
    wanted = replace(WANTED, format="spare_it_json")
    assert labellerr.doubts(wanted) != []
    assert labellerr.doubts(WANTED) == []
    assert fetched(labellerr, tmp_path, wanted).rows == 30


def test_an_export_without_annotations_says_so(labellerr, far_side, tmp_path):
    far_side.projects["one"].rows = [{**row, "latest_answer": []} for row in far_side.projects["one"].rows]
    for format_key in ("json", "coco_json"):
        file = fetched(labellerr, tmp_path, Wanted(f"ours-{format_key}", format_key))
        assert (file.rows, file.notes["rows without an annotation"]) == (30, 30)


def test_keys_do_not_go_along_with_the_file(labellerr, far_side, tmp_path):
    fetched(labellerr, tmp_path)
    assert far_side.count("storage") == 1
    assert far_side.leaks == []


@pytest.mark.parametrize("shape", ["url", "download_url", "text"])
def test_an_address_is_read_in_each_of_its_shapes(labellerr, far_side, tmp_path, shape):
    far_side.habits.url_shape = shape
    assert fetched(labellerr, tmp_path).rows == 30


@pytest.mark.parametrize("status", [400, 403])
def test_an_address_that_has_ended_is_asked_for_anew(labellerr, far_side, tmp_path, status):
    far_side.habits.expired, far_side.habits.expired_status = MOST_NEW_ADDRESSES, status
    assert fetched(labellerr, tmp_path).rows == 30
    assert far_side.count("download") == 1 + MOST_NEW_ADDRESSES


def test_but_not_for_ever(labellerr, far_side, tmp_path):
    far_side.habits.expired = 99
    with pytest.raises(PermanentError, match=r"answered 403 .*, and so did 3 new ones"):
        fetched(labellerr, tmp_path)
    assert far_side.count("storage") == 1 + MOST_NEW_ADDRESSES


def test_an_address_within_a_private_network_is_not_fetched_from(labellerr, far_side, tmp_path, servers):
    other = servers()
    far_side.answers["download"] = [Answer(200, orjson.dumps({"response": {"url": f"{other.url}/latest/meta-data"}}))]
    with pytest.raises(PermanentError, match="a superuser can permit"):
        fetched(labellerr, tmp_path)
    assert other.connections() == 0


@pytest.mark.parametrize("format_key", ["json", "coco_json", "png"])
@pytest.mark.parametrize("left_out", [1, 10, 2000])
def test_a_file_that_is_cut_off_is_refused(labellerr, far_side, tmp_path, format_key, left_out):
    wanted = Wanted("ours-1", format_key)
    remote_id = made(labellerr, wanted)
    far_side.habits.file_bytes = far_side.exports[remote_id].path.stat().st_size - left_out
    with pytest.raises(PermanentError, match=r"not whole|cut off"):
        labellerr.fetch("one", remote_id, wanted, tmp_path, lambda count: None)


def test_csv_that_ends_within_quotes_is_refused(labellerr, far_side, tmp_path):
    far_side.habits.file_content = b'id,remark\n1,"tw'
    with pytest.raises(PermanentError, match="ends within quotes"):
        fetched(labellerr, tmp_path, replace(WANTED, format="csv"))


def test_a_connection_that_breaks_off_is_worth_another_try(labellerr, far_side, tmp_path):
    far_side.habits.file_bytes, far_side.habits.is_cut = 500, True
    with pytest.raises(TransientError, match="broke off"):
        fetched(labellerr, tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<html>Sign in</html>", "a page or an error of its storage"),
        (b'{"error": "x"}', "is a JSON object, not a JSON array"),
        (b"[nonsense]", "no JSON"),
        (b"PK\x03\x04xxxx", "is a zip archive, not a JSON array"),
        (b"\x7fELF\0\0", "of a sort that is not known"),
    ],
)
def test_a_file_of_another_sort_is_refused(labellerr, far_side, tmp_path, content, words):
    far_side.habits.file_content = content
    with pytest.raises(PermanentError, match=words):
        fetched(labellerr, tmp_path)


def test_a_file_that_is_too_large_is_not_fetched_whole(labellerr, far_side, tmp_path, settings):
    settings.PLATFORM_FILE_BYTES = 1000
    with pytest.raises(PermanentError, match=r"more than 1,000 bytes.*EXPORTADMIN_PLATFORM_FILE_BYTES"):
        fetched(labellerr, tmp_path)


def test_nor_is_an_archive_that_unpacks_to_too_much(labellerr, far_side, tmp_path, settings):
    wanted = replace(WANTED, format="png")
    remote_id = made(labellerr, wanted)
    far_side.habits.file_content = None
    with zipfile.ZipFile(far_side.exports[remote_id].path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1_000_000))
    settings.PLATFORM_FILE_BYTES = 100_000
    with pytest.raises(PermanentError, match="unpacks to more than 100,000 bytes"):
        labellerr.fetch("one", remote_id, wanted, tmp_path, lambda count: None)


def test_who_looks_at_each_piece_may_end_it(labellerr, tmp_path):
    class OverError(Exception):
        pass

    def over(count: int) -> None:
        raise OverError

    with pytest.raises(OverError):
        labellerr.fetch("one", made(labellerr), WANTED, tmp_path, over)


# --- its list ---------------------------------------------------------------------------------------------------------


def test_exports_by_whomever_are_listed_newest_first(labellerr, far_side):
    moments = iter([1_764_000_000_000, 1_765_000_000_000])
    far_side.clock_ms = lambda: next(moments, 1_766_000_000_000)
    far_side.make("one", export_name="theirs").is_done = True
    remote_id = made(labellerr)
    ours, theirs = labellerr.exports("one")
    assert (ours.remote_id, ours.name, ours.standing) == (remote_id, "ours-1", Waiting("Processing"))
    assert (theirs.name, theirs.standing, theirs.created_ms) == ("theirs", Ready("Created"), 1_764_000_000_000)


def test_nothing_that_is_said_of_anything_is_the_api_key(labellerr, far_side, tmp_path):
    """Labellerr calls it the maker of whatever was made with it."""
    remote_connection(labellerr)
    made(labellerr)
    for told in (*labellerr.projects(), labellerr.project("one"), *labellerr.exports("one")):
        assert API_KEY not in str(told)
        assert told.details["created_by"] == "***"
    assert API_KEY not in str(labellerr.remote_connections())
    file = fetched(labellerr, tmp_path, Wanted("ours-2", "coco_json"))
    assert file.notes["an API key stands in the file, as its contributor"] == 1


def test_nor_the_key_of_somebody_else(labellerr, far_side):
    theirs = "3f2a1b.0123456789abcdef0123456789"
    items = [{"report_id": "a", "created_by": theirs, "more": [{"by": f"key {theirs}"}]}]
    far_side.answers["list"] = [Answer(200, orjson.dumps({"response": {"completed": items, "inProgress": []}}))]
    (export,) = labellerr.exports("one")
    assert (export.details["created_by"], export.details["more"]) == ("***", [{"by": "key ***"}])


def test_only_where_an_export_is_asked_for_no_files_are_nothing_there(labellerr, far_side):
    """A look at the list that says so tells nothing of the project."""
    for route in ("list", "status"):
        far_side.answers[route] = [refusal(400, "No files found with the given status")]
    with pytest.raises(RefusedError, match="No files found"):
        labellerr.find("one", "ours-1")
    with pytest.raises(RefusedError, match="No files found"):
        labellerr.look("one", "report00000000000001")


@pytest.mark.parametrize(
    "content",
    [
        b'{"images": ["a.jpg"], "annotations": [[1]], "categories": ["car"], "info": "ours"}',
        b'{"images": [], "annotations": [{"category_id": [1]}], "categories": [{"id": {}}]}',
    ],
)
def test_a_json_object_of_another_shape_is_delivered_uncounted(tmp_path, content):
    (tmp_path / "fetched").write_bytes(content)
    file = rows.checked(tmp_path / "fetched", "report00000000000001", Wanted("ours-1", "spare_it_json"))
    assert file.name == "export.json"


def test_an_archive_with_a_damaged_file_is_refused_in_words(tmp_path):
    with zipfile.ZipFile(tmp_path / "fetched", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mask.png", b"mask " * 400)
    raw = bytearray((tmp_path / "fetched").read_bytes())
    raw[raw.index(b"mask.png") + len(b"mask.png")] ^= 0xFF
    (tmp_path / "fetched").write_bytes(raw)
    with pytest.raises(PermanentError, match="the archive is cut off or damaged"):
        rows.checked(tmp_path / "fetched", "report00000000000001", Wanted("ours-1", "png"))


def test_whatever_else_is_said_of_one_is_kept(labellerr, far_side):
    items = [{"report_id": "a"}, {"export_name": "no id"}, {"report_id": "b", "created_at": "2026-01-02", "x": [1]}, 7]
    far_side.answers["list"] = [Answer(200, orjson.dumps({"response": {"completed": items, "inProgress": None}}))]
    second, first = labellerr.exports("one")
    assert (second.remote_id, second.details["x"], second.created_ms) == ("b", [1], 1_767_312_000_000)
    assert (first.name, first.standing) == ("", Waiting("None", is_known=False))


# --- to S3 ------------------------------------------------------------------------------------------------------------


def to_s3(connection_id: str, **other: object) -> Wanted:
    options = {"destination": "s3", "connection_id": connection_id, "folder": "s3://bucket/a/b", **other}
    return replace(WANTED, options=options)


def remote_connection(labellerr: LabellerrPlatform) -> str:
    wanted = NewRemoteConnection("Bucket", "bucket/a/", "AKIA12345678", "Kx/9+secretsecret")
    assert "secretsecret" not in repr(wanted)
    return labellerr.create_remote_connection(wanted).connection_id


@pytest.mark.parametrize("refuses", [False, True])
def test_one_that_labellerr_delivers_itself_is_not_fetched(labellerr, far_side, refuses):
    far_side.habits.refuses_s3_download = refuses
    wanted = to_s3(remote_connection(labellerr))
    remote_id = made(labellerr, wanted)
    sent = next(call for call in far_side.calls if call.route == "create").sent
    assert (sent["export_destination"], sent["export_folder_path"]) == ("s3", "bucket/a/b/")
    assert labellerr.look("one", remote_id, wanted) == Ready("Created", "s3://bucket/a/b/")


def test_one_that_somebody_else_had_delivered_says_where_it_is(labellerr, far_side):
    remote_connection(labellerr)
    export = far_side.make("one", export_name="x", export_destination="s3", export_folder_path="bucket/theirs/")
    assert labellerr.look("one", export.report_id) == Ready("Created", "bucket/theirs/")


def test_its_connections_are_made_listed_tried_and_deleted(labellerr, far_side):
    connection_id = remote_connection(labellerr)
    forms = [call for call in far_side.calls if call.method == "POST"]
    assert [call.route for call in forms] == ["connection_test", "connection_create"]
    assert {call.headers["email_id"] for call in forms} == {API_KEY}
    assert b'name="path"\r\n\r\ns3://bucket/a/\r\n' in forms[0].body
    (listed,) = labellerr.remote_connections()
    assert (listed.connection_id, listed.name) == (connection_id, "Bucket")
    labellerr.test_remote_connection(connection_id, path="bucket/a/", data_type="image")
    labellerr.delete_remote_connection(connection_id)
    assert labellerr.remote_connections() == []
    with pytest.raises(RefusedError, match="answered 404"):
        labellerr.test_remote_connection(connection_id, path="bucket/a/", data_type="image")


def test_one_that_its_test_refuses_is_not_made_and_its_keys_are_not_told(labellerr, far_side):
    far_side.answers["connection_test"] = [refusal(400, "InvalidAccessKeyId Kx/9+secretsecret")]
    with pytest.raises(RefusedError, match="InvalidAccessKeyId") as caught:
        remote_connection(labellerr)
    assert "secretsecret" not in str(caught.value)
    assert far_side.connections == {}


def test_one_whose_answer_was_lost_is_to_be_looked_for(labellerr, far_side):
    far_side.answers["connection_create"] = [silence(is_done=True)]
    with pytest.raises(LostAnswerError, match="look whether it is in the list before it is made again"):
        remote_connection(labellerr)
    assert len(far_side.connections) == 1


# --- what is refused before anything is sent ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("", "json"), "name"),
        (Wanted("x" * 201, "json"), "name"),
        (Wanted("two\nlines", "json"), "name"),
        (Wanted("x", ""), "format"),
        (Wanted("x", "json", statuses=("reviewed",)), "statuses"),
        (Wanted("x", "json", updated_after_ms=-1), "updated_after"),
        (Wanted("x", "json", options={"nosuch": 1}), "options"),
        (Wanted("x", "json", options={"question_ids": "all"}), "question_ids"),
        (Wanted("x", "json", options={"destination": "gcs"}), "destination"),
        (Wanted("x", "json", options={"folder": "bucket/a/"}), "folder"),
        (to_s3(""), "connection_id"),
        (to_s3("c", folder=""), "folder"),
        (to_s3("c", folder="https://bucket/a/"), "folder"),
        (to_s3("c", folder="bucket//a/"), "folder"),
        (to_s3("c", folder="bucket/../a/"), "folder"),
        (to_s3("c", question_ids=["q1"]), "question_ids"),
    ],
)
def test_what_labellerr_cannot_make_is_refused_with_the_field(labellerr, far_side, wanted, field):
    with pytest.raises(UserError) as caught:
        made(labellerr, wanted)
    assert caught.value.field == field
    assert far_side.calls == []


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"base_address": "ftp://x.example"}, "base_address"),
        ({"base_address": "https://x.example/a?b=c"}, "base_address"),
        ({"base_address": "https://x.example/../a"}, "base_address"),
        ({"base_address": "https://user:password@x.example"}, "base_address"),
        ({"client_id": "two words"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"private_address": "8.8.8.8:80"}, "private_address"),
    ],
)
def test_settings_that_cannot_be_are_refused(far_side, db, config, field):
    with pytest.raises(UserError) as caught:
        connected(far_side, **config)
    assert caught.value.field == f"config.{field}"


# --- the test of the connection ---------------------------------------------------------------------------------------


def steps_of(platform: LabellerrPlatform) -> dict[str, str]:
    steps = list(LabellerrPlatform.test(platform.connection))
    assert [step.key for step in steps] == ["reach", "sign_in", "projects", "exports", "statuses"]
    assert all(step.advice for step in steps if step.state == "failed")
    return {step.key: step.state for step in steps}


def test_five_steps_are_green(labellerr, far_side):
    assert set(steps_of(labellerr).values()) == {"passed"}
    assert far_side.count("create") == 0
    far_side.make("one", export_name="x")
    assert set(steps_of(labellerr).values()) == {"passed"}


@pytest.mark.parametrize(
    ("route", "answer", "failed"),
    [
        ("projects", refusal(401, "Invalid API key"), "sign_in"),
        ("projects", refusal(403), "sign_in"),
        ("projects", page(), "reach"),
        ("projects", refusal(404), "reach"),
        ("projects", refusal(429, Retry_After="9"), "reach"),
        ("projects", Answer(200, b'{"response": [{"id": 1}]}'), "projects"),
        ("exports", None, None),
        ("list", refusal(403), "exports"),
        ("list", page(), "exports"),
        ("status", refusal(403), "statuses"),
        ("status", page(), "statuses"),
    ],
)
def test_a_step_that_fails_names_what_is_wrong(labellerr, far_side, route, answer, failed):
    far_side.answers[route] = [answer] if answer else []
    states = steps_of(labellerr)
    assert [key for key, state in states.items() if state == "failed"] == ([failed] if failed else [])
    if failed:
        behind = list(states)[list(states).index(failed) + 1 :]
        assert {states[key] for key in behind} <= {"skipped"}


def test_an_id_that_is_not_known_may_still_be_asked_about(labellerr, far_side):
    far_side.answers["status"] = [refusal(404, "no such report")]
    assert set(steps_of(labellerr).values()) == {"passed"}


def test_without_a_project_there_is_nothing_to_ask_about(labellerr, far_side):
    far_side.projects.clear()
    assert steps_of(labellerr) == {
        "reach": "passed",
        "sign_in": "passed",
        "projects": "passed",
        "exports": "skipped",
        "statuses": "skipped",
    }


def test_nobody_there_fails_the_first_step(labellerr, far_side):
    far_side.close()
    assert steps_of(labellerr)["reach"] == "failed"


def test_wrong_keys_fail_the_second(far_side, db):
    platform = connected(far_side, api_secret="another-secret-1")
    assert steps_of(platform)["sign_in"] == "failed"


def test_the_rest_of_a_list_of_looks_is_waited_for(labellerr, far_side):
    far_side.habits.looks = [PROCESSING, CREATED]
    remote_id = made(labellerr)
    assert [labellerr.look("one", remote_id) for _ in range(3)] == [
        Waiting("Processing"),
        Ready("Created"),
        Ready("Created"),
    ]


def test_the_servers_clock_is_told(labellerr, far_side: LabellerrServer):
    far_side.clock_ms = lambda: 1_764_000_000_999
    assert labellerr.ask("one", WANTED).server_ms == 1_764_000_000_000
