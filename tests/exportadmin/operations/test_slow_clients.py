"""People with slow lines, and those who only pretend to have one, stop nobody else."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.cast import PASSWORD
from tests.support.shell import PLAIN_STATIC_FILES, PROGRAMS, Installation, new_installation

MANY = 200  # of each kind of slow client; the server has eight threads for requests
READERS = 60
ROWS, WIDE = 300, 40_000
PATIENCE = 60.0  # of these tests with a loaded machine; what is held up never answers at all

HALF_HEADER = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_BODY = (
    b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=x\r\nContent-Length: 1000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=a"
)


class Server:
    """The product's own web server on a port, and a file on it."""

    def __init__(self, port: int, token: str, path: str) -> None:
        self.port, self.token, self.path = port, token, path

    def connect(self, sent: bytes = b"", *, receive: int | None = None) -> socket.socket:
        client = socket.socket()
        if receive is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", self.port))
        client.sendall(sent)
        return client

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def download(self) -> bytes:
        return f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()

    def must_be_well(self) -> None:
        """A probe, an address of a page, and a download of somebody else."""
        assert self.get("/healthz")[0] == 200
        assert self.get("/")[0] == 302  # to the page for signing in
        status, content = self.get(self.path, Authorization=f"Bearer {self.token}")
        assert (status, content.count(b"\n")) == (200, ROWS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here: no client of one of them may trouble the next."""
    with new_installation(tmp_path_factory.mktemp("home")) as installation:
        installation.extra["EXPORTADMIN_WEB_REQUEST_SECONDS"] = "300"  # nobody is given up while a test looks
        with _served(installation) as server:
            yield server


@contextlib.contextmanager
def _served(installation: Installation) -> Iterator[Server]:
    rows = installation.home / "rows.ndjson"
    row = {"id": "d0", "global_key": "k0", "row_data": "x"}
    rows.write_text(
        "".join(
            json.dumps({"data_row": {**row, "id": f"d{n}", "global_key": f"k{n}"}, "projects": {}, "note": "w" * WIDE})
            + "\n"
            for n in range(ROWS)
        )
    )
    assert installation.run("import_rows", str(rows), "--project", "Harbour").returncode == 0
    installation.extra["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
    token = installation.run("issue_token", "sue", "--scope", "exports:read").stdout.strip()
    done = installation.run("run_export", "Harbour", "--format", "ndjson", "--json")
    assert done.returncode == 0, done.stderr
    artifact = json.loads(done.stdout)["artifacts"][0]
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listening:
        process = subprocess.Popen(
            [PROGRAMS / "exportadmin", "web", "--bind", f"fd://{listening.fileno()}"],
            env={**installation.environment, **PLAIN_STATIC_FILES},
            cwd=installation.home,
            pass_fds=[listening.fileno()],
        )
        try:
            yield Server(listening.getsockname()[1], token, f"/api/v1/artifacts/{artifact['artifact_id']}/download/")
        finally:
            process.terminate()
            process.wait(timeout=60)


def test_half_headers_half_bodies_and_slow_readers_stop_nobody(server: Server):
    server.must_be_well()
    slow = [server.connect(HALF_HEADER) for _ in range(MANY)]
    slow += [server.connect(HALF_BODY) for _ in range(MANY)]
    slow += [server.connect(server.download(), receive=4096) for _ in range(READERS)]
    # they have all begun: the server has taken their bytes, and has sent what fits to those who do not read on
    for reader in slow[-READERS:]:
        assert reader.recv(1) == b"H"
    for _ in range(3):
        server.must_be_well()
    for client in slow:
        client.close()
    server.must_be_well()


def test_a_request_that_comes_in_drops_is_answered_once_it_is_whole(server: Server):
    client = server.connect()
    for byte in b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n":
        client.sendall(bytes([byte]))
    assert client.recv(100).startswith(b"HTTP/1.1 200")
    # the same connection again, two requests at once
    two = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 2
    client.sendall(two)
    answers = b""
    while answers.count(b"ok\n") < 2:
        answers += client.recv(4096)
    client.close()


def test_half_a_request_is_given_up_and_told_so(installation: Installation):
    installation.extra["EXPORTADMIN_WEB_REQUEST_SECONDS"] = "1"
    with _served(installation) as server:
        for half in (HALF_HEADER, HALF_BODY):
            client = server.connect(half)
            answer = b""
            while received := client.recv(1000):  # until the server closes
                answer += received
            assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_header_without_end_is_refused(server: Server):
    client = server.connect(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-Long: " + b"a" * 70_000)
    assert client.recv(100).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("path", ["/sign-in/", "/imports/new/", "/api/v1/reports/"])
def test_a_body_that_nobody_will_read_is_refused_by_its_length(server: Server, path: str):
    client = server.connect(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken={'x' * 32}\r\nContent-Length: 629145600\r\n"
        "Accept: application/json\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
    )
    # no more of the body is ever sent, and the answer comes all the same
    assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_unknown_length_is_refused(server: Server):
    client = server.connect(
        b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nAccept: application/json\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n5\r\n"
    )
    assert client.recv(100).startswith(b"HTTP/1.1 411 ")


def test_somebody_who_hangs_up_with_a_half_request_leaves_nothing(server: Server):
    for sent in (b"", HALF_HEADER, HALF_BODY):
        for _ in range(20):
            server.connect(sent).close()
    server.must_be_well()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1", 414),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 9_000, 431),
        (b"G<T / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", 400),
    ],
)
def test_what_the_server_itself_refuses_has_the_shape_of_every_refusal(
    server: Server, request_line: bytes, status: int
):
    client = server.connect(request_line + b"\r\nHost: 127.0.0.1\r\n\r\n")
    answer = http.client.HTTPResponse(client)
    answer.begin()
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(answer.read())["status"] == status


def test_nobody_says_of_himself_that_he_came_by_https_or_lives_elsewhere(server: Server):
    client = server.connect(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nSCRIPT_NAME: /evil\r\n\r\n"
    )
    answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 302 ")
    assert b"evil" not in answer
