"""Pictures for an export: what is fetched, what is not, why not, and that nothing of this machine is opened."""

from __future__ import annotations

import io
import os
import re
import socket
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from connections import pictures
from connections.connection_actions import create_connection
from connections.models import Connection, Project
from connections.pictures import Fetched, NotFetched, PictureFetcher, extension_of, shown_address
from connections.platforms import PLATFORMS
from connections.platforms.base import MediaSession
from exportadmin.lib.addresses import HostPort
from exportadmin.lib.http import Guard, session
from tests.connections.platforms.toy import ToyPlatform
from tests.rest.world import SHELL
from tests.support.canary import TEXT, Canary, response

pytestmark = pytest.mark.django_db
Servers = Callable[..., Canary]


def picture(kind: str = "PNG", size: tuple[int, int] = (4, 3)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, "red").save(stream, kind)
    return stream.getvalue()


PNG = picture()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits."""
    monkeypatch.setattr(pictures, "QUICK_SECONDS", 0.0)


def fetched(project: Project, folder: Path, *addresses: str, allowed: tuple[Canary, ...] = ()) -> list[Any]:
    guard = Guard(private=tuple(HostPort(one.host, one.port) for one in allowed))
    with closing(PictureFetcher(project, folder, guard=guard)) as fetcher:
        return [one for one in fetcher.fetch(addresses) if one is not None]


def reason(project: Project, folder: Path, address: str, *allowed: Canary) -> str:
    (found,) = fetched(project, folder, address, allowed=allowed)
    assert isinstance(found, NotFetched), found
    assert list(folder.iterdir()) == []
    return found.reason


# --- what is fetched -------------------------------------------------------------------------------------------------


def test_pictures_come_in_the_order_they_were_asked_for_whole_and_with_their_sums(project, folder, servers: Servers):
    bodies = {f"/{number}": picture("PNG", (number + 1, 2)) for number in range(30)}
    server = servers(lambda asked: [response(200, bodies[asked.split()[1].decode()])])
    found = fetched(project, folder, *(f"{server.url}{path}" for path in bodies), allowed=(server,))
    assert [one.path.read_bytes() for one in found] == list(bodies.values())
    assert [(one.size, one.crc, one.extension) for one in found] == [
        (len(body), zlib.crc32(body), "png") for body in bodies.values()
    ]


@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        ("JPEG", "jpg"),
        ("PNG", "png"),
        ("GIF", "gif"),
        ("BMP", "bmp"),
        ("WEBP", "webp"),
        ("TIFF", "tif"),
        ("AVIF", "avif"),
    ],
)
def test_the_type_is_told_by_the_first_bytes_whatever_the_address_says(kind, extension, project, folder, servers):
    server = servers(lambda _: [response(200, picture(kind), content_type="text/html")])
    (found,) = fetched(project, folder, f"{server.url}/a.txt", allowed=(server,))
    assert found.extension == extension


def test_what_is_kept_here_is_taken_from_the_project_s_own_media(project, folder, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    own, other = settings.MEDIA_DIR / project.public_id, settings.MEDIA_DIR / "other"
    for place in (own, other):
        place.mkdir(parents=True)
        (place / "a.png").write_bytes(PNG)
    (own / "link.png").symlink_to(other / "a.png")
    (found,) = fetched(project, folder, f"/media/{project.public_id}/a.png")
    assert found.path.read_bytes() == PNG
    for name in ("b.png", "../other/a.png", "link.png", "a.png/../a.png", "a.png\0", "a.png%00", ".a.png"):
        assert "keeps no picture of that name" in reason(project, remade(folder), f"/media/{project.public_id}/{name}")
    assert "none that pictures are fetched from" in reason(project, folder, "/media/other/a.png")


def remade(folder: Path) -> Path:
    for path in folder.iterdir():
        path.unlink()
    return folder


def test_a_picture_may_lie_in_its_address(project, folder):
    text = b64encode(PNG).decode()
    (found,) = fetched(project, folder, f"data:image/png;base64,{text}")
    assert found.path.read_bytes() == PNG
    assert "not base64" in reason(project, remade(folder), "data:image/png;base64,%%%")
    assert "none that pictures are fetched from" in reason(project, folder, f"data:text/html;base64,{text}")


# --- attacks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/../../etc/passwd",
        "/data/local-files/?d=../../../etc/passwd",
        "/data/local-files/?d=etc/passwd",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "..\\..\\etc\\passwd",
        "C:\\Windows\\win.ini",
        "etc/passwd\0.png",
        "gopher://127.0.0.1/x",
        "ftp://127.0.0.1/a.png",
        "s3://bucket/a.png",
        "",
        "a.png",
    ],
)
def test_nothing_of_this_machine_is_opened_whatever_an_address_says(address, project, folder, monkeypatch):
    def opened(*arguments: Any, **named: Any) -> Any:
        raise AssertionError(f"opened {arguments}")

    with closing(PictureFetcher(project, folder)) as fetcher:
        monkeypatch.setattr(os, "open", opened)
        monkeypatch.setattr("builtins.open", opened)
        monkeypatch.setattr(Path, "open", opened)
        (found,) = [one for one in fetcher.fetch([address]) if one is not None]
    assert isinstance(found, NotFetched)
    assert "none that pictures are fetched from" in found.reason


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "2130706433",
        "0x7f.1",
        "10.0.0.1",
    ],
)
def test_no_address_leads_into_this_network(host, project, folder, canary: Canary):
    for scheme in ("http", "https"):
        why = reason(project, folder, f"{scheme}://{host}:{canary.port}/a.png?token=s3cr3t")
        assert "s3cr3t" not in why
        assert "superuser" not in why
    assert canary.connections() == 0


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://127.0.0.1:{port}/a.png", "127.0.0.1 is a loopback address"),
        ("http://localhost:{port}/a.png", "localhost leads to a loopback address"),
        ("http://169.254.169.254/latest/", "is the metadata service of a cloud, which is never connected to"),
        ("file:///etc/passwd", "redirects to where nobody may go"),
    ],
)
def test_nor_does_a_redirect(target, words, project, folder, servers: Servers, canary: Canary):
    server = servers(lambda _: [response(302, location=target.format(port=canary.port))])
    assert words in reason(project, folder, f"{server.url}/a.png", server)
    assert canary.connections() == 0


def test_public_hosts_are_asked_with_encryption_alone(project, folder):
    assert "use https://" in reason(project, folder, "http://93.184.216.34/a.png")


@pytest.mark.parametrize(
    "body",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 9, b"<html><script>", f"root:{TEXT}".encode(), b"\x89PN"],
)
def test_what_is_no_picture_is_told_and_not_kept(body, project, folder, servers: Servers):
    server = servers(lambda _: [response(200, body, content_type="image/png")])
    why = reason(project, folder, f"{server.url}/a.png", server)
    assert "it is no picture" in why
    assert TEXT not in why


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_picture_has_a_largest_size_said_or_not(project, folder, servers: Servers, settings):
    settings.PICTURE_BYTES = 1_000
    endless = PNG + bytes(2_000)
    said = servers(lambda _: [response(200, endless)])
    unsaid = servers(lambda _: [b"HTTP/1.1 200 OK\r\n\r\n", endless])
    for server in (said, unsaid):
        why = reason(project, folder, f"{server.url}/a.png", server)
        assert why == "it has more than 1,000 bytes: EXPORTADMIN_PICTURE_BYTES permits more"
    assert "EXPORTADMIN_PICTURE_BYTES" in reason(project, folder, f"data:image/png;base64,{'A' * 2_000}")


def test_an_export_has_a_largest_size_of_all_its_pictures(project, folder, servers: Servers, settings):
    settings.PICTURES_BYTES = 2 * len(PNG)
    server = servers(lambda _: [response(200, PNG)])
    found = fetched(project, folder, *[f"{server.url}/{number}.png" for number in range(4)], allowed=(server,))
    assert [isinstance(one, Fetched) for one in found] == [True, True, False, False]
    assert "EXPORTADMIN_PICTURES_BYTES permits more" in found[3].reason
    assert len(list(folder.iterdir())) == 2


def test_after_the_first_that_does_not_fit_no_more_are_fetched(project, folder, servers: Servers, settings):
    small, large = picture("PNG", (1, 1)), picture("BMP", (40, 40))
    settings.PICTURES_BYTES = 2 * len(small)
    server = servers(lambda asked: [response(200, large if asked.startswith(b"GET /1.png") else small)])
    found = fetched(project, folder, *[f"{server.url}/{number}.png" for number in range(200)], allowed=(server,))
    assert [number for number, one in enumerate(found) if isinstance(one, Fetched)] == [0]
    assert {one.reason for one in found[1:]} == {
        f"with it the export would have more than {2 * len(small):,} bytes of pictures: "
        "EXPORTADMIN_PICTURES_BYTES permits more"
    }
    assert len(server.requests) <= 1 + 2 * pictures.AHEAD
    assert len(list(folder.iterdir())) == 1


def test_an_answer_that_is_cut_off_is_no_picture(project, folder, servers: Servers):
    server = servers(lambda _: [response(200, PNG + bytes(500))[:-100]])
    assert "broke off its answer" in reason(project, folder, f"{server.url}/a.png", server)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_refusal_is_told_by_its_status_alone(status, project, folder, servers: Servers):
    server = servers(lambda _: [response(status, TEXT.encode())])
    why = reason(project, folder, f"{server.url}/a.png?sig=s3cr3t", server)
    assert f"answered {status}" in why
    assert TEXT not in why and "s3cr3t" not in why


def test_a_quick_failure_is_tried_once_more(project, folder, servers: Servers, monkeypatch):
    monkeypatch.setattr(pictures, "QUICK_SECONDS", 60.0)
    monkeypatch.setattr(pictures, "RETRY_SECONDS", 0.0)
    answers = iter([response(503), response(200, PNG)])
    server = servers(lambda _: [next(answers)])
    (found,) = fetched(project, folder, f"{server.url}/a.png", allowed=(server,))
    assert isinstance(found, Fetched)


def test_a_host_that_never_answers_is_left_alone(project, folder, servers: Servers):
    alive = servers(lambda _: [response(200, PNG)])
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    guard = Guard(private=(HostPort("127.0.0.1", port), HostPort(alive.host, alive.port)))
    addresses = [f"http://127.0.0.1:{port}/{number}.png" for number in range(100)] + [f"{alive.url}/a.png"]
    with closing(PictureFetcher(project, folder, guard=guard)) as fetcher:
        *lost, last = [one for one in fetcher.fetch(addresses) if one is not None]
    assert isinstance(last, Fetched)
    reasons = [one.reason for one in lost if isinstance(one, NotFetched)]
    tried, left = (
        f"no connection to http://127.0.0.1:{port}",
        "its host did not answer for 3 others, so it was left alone",
    )
    assert set(reasons) == {tried, left}
    assert reasons.count(tried) < pictures.FAILURES + pictures.AT_ONCE


def test_a_host_that_answered_before_is_waited_for(project, folder, servers: Servers, monkeypatch):
    monkeypatch.setattr(pictures, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(pictures, "AT_ONCE", 1)
    answers = iter([PNG, *[None] * 4, *[PNG] * 5])
    server = servers(lambda _: [response(200, body)] if (body := next(answers)) else [])
    found = fetched(project, folder, *[f"{server.url}/{number}.png" for number in range(10)], allowed=(server,))
    assert [isinstance(one, Fetched) for one in found] == [True] + [False] * 4 + [True] * 5


def test_an_end_leaves_no_thread_waiting(project, folder, servers: Servers):
    server = servers(lambda _: [b"HTTP/1.1 200 OK\r\n\r\n" + PNG, *iter(lambda: bytes(1_000), None)])
    guard = Guard(private=(HostPort(server.host, server.port),))
    fetcher = PictureFetcher(project, folder, guard=guard)
    found = fetcher.fetch([f"{server.url}/a.png"] * 3)
    fetcher.close()
    with pytest.raises(RuntimeError):
        list(found)
    assert list(folder.iterdir()) == []


# --- the project's platform ------------------------------------------------------------------------------------------


@pytest.fixture
def mirrored(project: Project, servers: Servers) -> Iterator[tuple[Project, Canary]]:
    """Of a platform that keeps files, at a private address."""
    server = servers(lambda asked: [response(200, PNG)] if b"Token s3cr3t" in asked else [response(401)])

    class Keeper(ToyPlatform):
        key = "keeper"

        def media_session(self, external_id: str) -> MediaSession:
            guard = Guard(private=(HostPort(server.host, server.port),))
            own = session(guard, server.url, {"Authorization": "Token s3cr3t"}, attempts=1)

            def get(path: str, max_bytes: int, seconds: float) -> requests.Response:
                return own.request(
                    "GET", f"{server.url}{path}", stream=True, max_bytes=max_bytes, whole_seconds=seconds
                )

            return MediaSession(server.url, re.compile("/data/"), get)

    PLATFORMS.register(Keeper.key, Keeper)
    project.connection = Connection.objects.create(name="Keeper", kind=Keeper.key)
    yield project, server
    PLATFORMS.unregister(Keeper.key)


def test_files_of_the_platform_are_fetched_with_its_own_session(mirrored, folder):
    project, server = mirrored
    addresses = ["/data/upload/3/a b.png", f"{server.url}/data/upload/3/c.png", "/data/local-files/?d=set/d.png"]
    found = fetched(project, folder, *addresses * 9)
    assert all(isinstance(one, Fetched) for one in found)
    asked = {request.split()[1].decode() for request in server.requests}
    assert asked == {"/data/upload/3/a%20b.png", "/data/upload/3/c.png", "/data/local-files/?d=set/d.png"}


def test_its_credentials_go_nowhere_else(mirrored, folder, servers: Servers):
    project, _ = mirrored
    other = servers(lambda _: [response(200, PNG)])
    (found,) = fetched(project, folder, f"{other.url}/a.png", allowed=(other,))
    assert isinstance(found, Fetched)
    assert b"s3cr3t" not in b"".join(other.requests)
    # nor is its private address one for whoever names another port of it
    assert "is a loopback address" in reason(project, remade(folder), f"http://127.0.0.1:{other.port}/a.png")


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/../../etc/passwd",
        "/data/upload/%2e%2e/%2e%2e/etc/passwd",
        "/data/upload/%252e%252e/etc/passwd",
        "/data/local-files/?d=../../etc/passwd",
        "/data/local-files/?d=..%5C..%5Cetc",
        "/data/a\0.png",
        "/data/a%00.png",
        "BASE/data/../api/users/",
        "BASE/../data/a.png",
        "BASE/data/%2e%2e/api/users/",
    ],
)
def test_no_address_leads_out_of_a_folder_there(address, mirrored, folder):
    project, server = mirrored
    assert "leads out of its folder" in reason(project, folder, address.replace("BASE", server.url))
    assert server.connections() == 0


@pytest.mark.parametrize("address", ["/api/users/1/", "/user/logout", "/dat", "/%64ata/a.png"])
def test_no_credentials_go_to_what_is_no_file_of_the_platform(address, mirrored, folder):
    project, server = mirrored
    assert "none where the platform keeps files" in reason(project, folder, address)
    # with its whole address it is one like any other, to which nothing of the platform's goes
    assert "is a loopback address" in reason(project, folder, f"{server.url}{address}")
    assert server.connections() == 0


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:pw@h.test/a/b.png?sig=x#y", "https://h.test/a/b.png"),
        ("/data/local-files/?d=x", "/data/local-files/"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,…"),
        ("https://h.test?token=x", "https://h.test"),
        ("x" * 400, "x" * 299 + "…"),
        ("//u:pw@h/x?y", "//h/x"),
        ("https:\\\\u:pw@h\\x", "https:\\\\h\\x"),
        ("///u:p@w@h/x", "///h/x"),
        ("u:pw@h/x", "h/x"),
        ("https:u:pw@h/x", "h/x"),
        ("/data/photo@2x.png", "/data/photo@2x.png"),
        ("photo@2x.png", "photo@2x.png"),
        ("https://h.test/a:b@c.png", "https://h.test/a:b@c.png"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address, shown):
    assert shown_address(address) == shown


@pytest.mark.parametrize("head", [b"", b"BM", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x18ftypmp42", b"%PDF-1.7", b"GIF88a"])
def test_other_beginnings_are_those_of_no_picture(head):
    assert extension_of(head + bytes(range(1, 40))) == ""


def test_uploads_of_a_label_studio_are_fetched_with_its_connection_s_token(project, folder, servers: Servers):
    token = "0123456789abcdef0123456789abcdef01234567"
    server = servers(lambda asked: [response(200, PNG)] if f"Token {token}".encode() in asked else [response(401)])
    config = {"base_address": server.url, "private_address": f"{server.host}:{server.port}"}
    project.connection = create_connection(
        kind="label_studio", name="Studio", config=config, secrets={"token": token}, actor=SHELL
    )
    project.external_id = "3"
    found = fetched(project, folder, "/data/upload/3/a.png", "/data/upload/%2e%2e/secret", "/data/upload/4/a.png")
    assert isinstance(found[0], Fetched)
    assert "leads out of its folder" in found[1].reason
    assert "none where the platform keeps files" in found[2].reason
    assert [request.split()[1] for request in server.requests] == [b"/data/upload/3/a.png"]
