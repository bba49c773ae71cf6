"""A canary in every secret field of every kind of connection, and everything done with it: it turns up nowhere.

The kinds, their fields and their secrets are asked of the registry: the next kind is in this test by itself. What a
setting of it could be is read from its help, where it says "such as …"; for a kind that has a server, :data:`SERVED`
has settings and secrets with which it works.
"""

from __future__ import annotations

import json
import re
import secrets as random_secrets
import signal
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from connections.actions import create_project
from connections.adapters import PRIVATE_ADDRESS, ConnectionField, ConnectionKind
from connections.connection_actions import create_connection, grant_connection
from connections.kinds import connection_kinds
from exportadmin.lib.actor import USER, Actor
from exports.actions import request_export
from exports.spec.spec import ExportSpec
from tests.connections import toy
from tests.support import seaweed
from tests.support.canary import Canary
from tests.support.cast import PASSWORD
from tests.support.haystack import Haystack, add_database, add_folder, add_processes
from tests.support.shell import PROGRAMS, Installation
from tests.support.up import ADDRESS

pytestmark = pytest.mark.slow

PROJECT = "Harbour"
ROWS = 30
MOST_PAGES = 400
ENDED = {"completed", "partial", "failed", "errored", "cancelled"}
# the user's guide has an example of each setting: "such as EAST"
_EXAMPLE = re.compile(r"such as ([^\s,;]+)")


def example(field: ConnectionField) -> Any:
    """Something that the field takes."""
    if field.choices or field.default not in ("",):
        return field.default if field.default != "" else field.choices[0][0]
    found = _EXAMPLE.search(field.help)
    assert found is not None, f"the help of the required field {field.name} has no example: such as …"
    return found[1].rstrip(".")


def example_config(kind: type[ConnectionKind], address: str) -> dict[str, Any]:
    """As little as it takes; what can be told where to go is sent to ``address``."""
    there = dict.fromkeys(("endpoint", "url", "base_address"), f"http://{address}") | {PRIVATE_ADDRESS: address}
    config = {field.name: there[field.name] for field in kind.connection_fields if field.name in there}
    return {field.name: example(field) for field in kind.connection_fields if field.is_required} | config


def canaries(kind: type[ConnectionKind]) -> dict[str, str]:
    """A new one for each secret field."""
    return {field.name: f"Cn{random_secrets.token_hex(12)}" for field in kind.connection_secrets}


class Scene:
    """An installation that serves pages and works; what it says is gathered in ``heap``."""

    def __init__(self, installation: Installation, base: str, token: str) -> None:
        self.installation = installation
        self.base = base
        self.heap = Haystack()
        self.known: list[str] = []
        self.script = requests.Session()
        self.script.headers["Authorization"] = f"Bearer {token}"
        self.browser = requests.Session()
        for session in (self.script, self.browser):
            session.trust_env = False
        self.page("/sign-in/")
        assert self.form("/sign-in/", username="alice", password=PASSWORD).status_code == 200

    def api(self, method: str, path: str, body: Any = None, expected: int | None = None) -> Any:
        answer = self.script.request(method, f"{self.base}/api/v1/{path}", json=body, timeout=120)
        self._keep(f"REST {method} {path}", answer)
        assert expected is None or answer.status_code == expected, answer.text
        return answer

    def page(self, path: str) -> requests.Response:
        answer = self.browser.get(f"{self.base}{path}", timeout=120)
        self._keep(f"page {path}", answer)
        return answer

    def form(self, path: str, **values: Any) -> requests.Response:
        """As a browser sends it, and the page that comes of it."""
        token = {"csrfmiddlewaretoken": self.browser.cookies.get("csrftoken") or ""}
        answer = self.browser.post(f"{self.base}{path}", {**token, **values}, timeout=120)
        self._keep(f"form {path}", answer)
        return answer

    def shell(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.installation.run(*arguments)
        self.heap.add(f"shell {arguments[0]}", done.stdout + done.stderr)
        return done

    def shell_with_secrets(self, verb: str, *arguments: str, secrets: dict[str, str]) -> str:
        """``exportadmin connections VERB …`` with the secrets on standard input; looked at while it runs."""
        named = [part for name in secrets for part in ("--secret", f"{name}=-")]
        command = [PROGRAMS / "exportadmin", "connections", verb, *arguments, *named]
        process = subprocess.Popen(
            command,
            env=self.installation.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.look_at_processes()  # it waits for the secrets, or has not begun to
        out, _ = process.communicate("".join(f"{value}\n" for value in secrets.values()), timeout=120)
        self.heap.add("shell connections", out)
        assert process.returncode == 0, out
        return out.strip()

    def look_at_processes(self) -> int:
        return add_processes(self.heap, self.installation.home)

    def _keep(self, place: str, answer: requests.Response) -> None:
        for one in (*answer.history, answer):
            self.heap.add(place, f"{one.url} {one.status_code} {dict(one.headers)}\n".encode() + one.content)

    def export(self, connection: str, kind: str, *, patiently: bool = False, **destination: str) -> dict[str, Any]:
        """One export to it, to its end; what is tried again is asked to end after the first wait, if not patiently."""
        body = {
            "project": PROJECT,
            "format": "ndjson",
            "destination": {"kind": kind, "connection": connection, **destination},
        }
        answer = self.api("POST", "reports/", body)
        if answer.status_code != 202:
            return {"status": "refused"}
        report: dict[str, Any] = answer.json()
        for _ in range(12):
            if report["status"] in ENDED:
                break
            self.look_at_processes()
            add_database(self.heap, self.installation)  # with what is queued at this moment
            report = self.api("GET", f"reports/{report['report_id']}/wait/?seconds=10", expected=200).json()
            if report["status"] not in ENDED and not patiently:
                self.api("POST", f"reports/{report['report_id']}/cancel/")
        return report

    def crawl(self) -> int:
        """Every page that a link leads to, from the beginning."""
        pending, seen = ["/", "/connections/", "/audit/", "/audit/export/?format=ndjson", "/admin/"], set[str]()
        while pending and len(seen) < MOST_PAGES:
            path = pending.pop(0)
            if path in seen or path.startswith(("/static/", "/sign-out", "/api/")):
                continue
            seen.add(path)
            answer = self.page(path)
            if "html" in answer.headers.get("Content-Type", ""):
                for href in re.findall(r'href="(/[^"#]*)', answer.text):
                    if urlsplit(href).path not in {urlsplit(each).path for each in seen} or "/admin/" in href:
                        pending.append(href.replace("&amp;", "&"))
        return len(seen)


@pytest.fixture
def scene(installation: Installation, tmp_path: Path) -> Iterator[Scene]:
    rows = [{"data_row": {"id": f"d{n}", "global_key": f"k{n}", "row_data": "x"}, "projects": {}} for n in range(ROWS)]
    (tmp_path / "rows.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert installation.run("import_rows", str(tmp_path / "rows.ndjson"), "--project", PROJECT).returncode == 0
    installation.extra |= {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    made = installation.run("createsuperuser", "--noinput", "--username", "alice", "--email", "a@example.test")
    assert made.returncode == 0, made.stderr
    del installation.extra["DJANGO_SUPERUSER_PASSWORD"]
    installation.extra |= {"EXPORTADMIN_LOG_LEVEL": "DEBUG", "EXPORTADMIN_LOG_FORMAT": "json"}
    token = installation.run("issue_token", "alice", "--scope", "admin", "--scope", "exports:run").stdout.strip()
    log = tmp_path / "log"
    with log.open("wb") as stream:
        command = [PROGRAMS / "exportadmin", "up", "--bind", "127.0.0.1:0"]
        environment = {**installation.environment, "EXPORTADMIN_WORKERS": "1", "EXPORTADMIN_WEB_PROCESSES": "1"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stream, text=True)
        try:
            assert process.stdout is not None
            base = next(found[1] for line in process.stdout if (found := ADDRESS.search(line)))
            one = Scene(installation, base, token)
            yield one
        finally:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=60)
    one.heap.add("log", log.read_bytes())
    one.heap.add("log", out)
    assert one.heap.size("log") > 10_000
    assert one.heap.hits(one.known) == []


def live(scene: Scene, kind: type[ConnectionKind], name: str, config: dict[str, Any], secrets: dict[str, str]) -> str:
    """A connection's whole life but for its end; its id."""
    scene.known += as_sent(config, secrets)
    wrong = {"kind": kind.key, "name": name, "config": {**config, "nosuch": "x"}, "secrets": secrets}
    scene.api("POST", "connections/", wrong, 400)
    scene.api("POST", "connections/", {**wrong, "config": config, "name": ""}, 400)
    scene.form("/connections/new/", kind=kind.key, name="", **_fields("config", config), **_fields("secrets", secrets))
    new = {"kind": kind.key, "name": name, "config": config, "secrets": secrets}
    made: dict[str, Any] = scene.api("POST", "connections/", new, 201).json()
    scene.api("POST", "connections/", new, 409)
    by_form = {"kind": kind.key, "name": f"{name} by form"}
    form = scene.form("/connections/new/", **by_form, **_defaults(kind, config), **_fields("secrets", secrets))
    assert form.status_code == 200, form.text
    in_shell = f"{name} by shell"
    settings = [part for setting, value in config.items() for part in ("--config", f"{setting}={_word(value)}")]
    scene.shell_with_secrets("create", kind.key, in_shell, *settings, secrets=secrets)
    scene.shell_with_secrets("rotate-secret", in_shell, secrets=secrets)
    for verb in ("show", "test"):
        scene.shell("connections", verb, in_shell, "--json")
    scene.shell("connections", "create", kind.key, in_shell, *settings, "--secret", "nosuch=-")
    at = f"connections/{made['id']}/"
    rotated = canaries(kind)
    scene.known += as_sent(config, rotated)
    scene.api("POST", f"{at}secrets/", {"secrets": rotated}, 200)
    scene.api("POST", f"{at}test/", expected=200)
    scene.form(f"/{at}secrets/", **_fields("secrets", secrets))
    scene.api("PATCH", at, {"secrets": secrets}, 200)
    scene.api("PATCH", at, {"name": f"{name} again", "secrets": {"nosuch": next(iter(secrets.values()))}}, 400)
    scene.api("POST", f"{at}disable/", expected=200)
    scene.api("POST", f"{at}enable/", expected=200)
    scene.api("GET", f"{at}used-by/", expected=200)
    scene.form(f"/{at}test/")
    scene.api("POST", f"{at}test/", expected=200)
    for project in scene.api("GET", "projects/").json()["results"]:
        scene.api("POST", f"{at}grants/", {"project": project["id"]})
    return str(made["id"])


def as_sent(config: dict[str, Any], secrets: dict[str, str]) -> list[str]:
    """The secrets, and what they become in HTTP Basic beside a client id."""
    basic = [
        b64encode(f"{config['client_id']}:{one}".encode()).decode() for one in secrets.values() if "client_id" in config
    ]
    return [*secrets.values(), *basic]


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else str(value)


def _fields(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{prefix}.{name}": "on" if value is True else value for name, value in values.items() if value is not False
    }


def _defaults(kind: type[ConnectionKind], config: dict[str, Any]) -> dict[str, Any]:
    every = {field.name: field.default for field in kind.connection_fields}
    return _fields("config", {**every, **config})


def finish(scene: Scene) -> None:
    """What is left to look at, of all that was done."""
    assert scene.look_at_processes() >= 3
    assert scene.crawl() > 40
    for path in ("connections/", "audit/", "reports/", "audit/export/?format=ndjson", "schema/", "tokens/", "imports/"):
        scene.api("GET", path)
    for path in ("/healthz", "/readyz", "/metrics"):
        scene.page(path)
    backup = scene.installation.home.parent / "backup"
    scene.shell("backup", str(backup))
    scene.shell("list_exports", "--json")
    scene.shell("verify_audit")
    add_folder(scene.heap, "backup", backup)
    add_folder(scene.heap, "home", scene.installation.home)
    tables = add_database(scene.heap, scene.installation)
    assert {"django_q_ormq", "django_session", "connections_connectionsecret", "audit_auditentry"} <= set(tables)
    stored = b" ".join(scene.heap.pieces["database: connections_connectionsecret"])
    assert stored.count(b"aes256gcm:") >= len(scene.known) // 2
    assert scene.heap.size("backup") > 100_000


def echo(request: bytes) -> list[bytes]:
    """A refusal that repeats the whole request, with what stands in its signature, wherever an answer has room."""
    told = re.sub(rb"[<>&]", b".", request)
    line = told.replace(b"\r\n", b" ")[:2000]
    body = b"<Error><Code>" + told[-60:] + b"</Code><Message>" + told + b"</Message></Error>"
    head = b"HTTP/1.1 403 %s\r\nConnection: close\r\nx-amz-request-id: %s\r\nContent-Length: %d\r\n\r\n"
    return [head % (line, line, len(body)) + body]


@pytest.mark.parametrize("key", sorted(connection_kinds()))
def test_a_canary_of_every_kind_is_told_by_nothing(scene: Scene, servers: Callable[..., Canary], key: str):
    """Where all that was sent comes back in the errors of the other side."""
    kind, other_side = connection_kinds()[key], servers(echo)
    config = example_config(kind, f"{other_side.host}:{other_side.port}")
    given = canaries(kind)
    made = live(scene, kind, f"Some {key}", config, given)
    scene.export(made, key, folder="team-exports/a/")
    sent = as_sent(config, given)
    assert any(secret.encode() in b"".join(other_side.requests) for secret in sent), "none was used"
    finish(scene)
    scene.api("DELETE", f"connections/{made}/")
    add_database(scene.heap, scene.installation)


def test_secrets_that_work_are_told_by_nothing(scene: Scene, s3_store: seaweed.Store, s3_folder: str):
    """Delivered, read, downloaded, linked and removed again."""
    bucket, _, prefix = s3_folder.partition("/")
    identity = seaweed.IDENTITIES["exporter"]
    config = {
        "bucket": bucket,
        "prefix": prefix,
        "endpoint": s3_store.endpoint,
        "path_style": True,
        "private_address": s3_store.address,
    }
    secrets = {"access_key_id": identity.access_key_id, "secret_access_key": identity.secret_access_key}
    made = live(scene, connection_kinds()["s3"], "Team bucket", config, secrets)
    report = scene.export(made, "s3", patiently=True, folder=s3_folder)
    assert report["status"] == "completed", report
    at = f"reports/{report['report_id']}/"
    for artifact in scene.api("GET", f"{at}artifacts/", expected=200).json():
        scene.api("GET", f"artifacts/{artifact['artifact_id']}/download/", expected=200)
        link = scene.api("POST", f"artifacts/{artifact['artifact_id']}/links/", {"expires_in": 3600})
        scene.heap.add("link", link.content)
    scene.api("GET", f"{at}manifest/")
    scene.api("POST", f"{at}verify/")
    scene.api("POST", f"{at}prove/", {})
    scene.api("POST", f"{at}convert/", {"format": "csv"})
    moved = scene.api("PATCH", f"connections/{made}/", {"config": {"bucket": "no-such-bucket"}}, expected=409)
    scene.heap.add("refusal", moved.content)
    elsewhere = {**config, "bucket": "no-such-bucket", "prefix": ""}
    nowhere = live(scene, connection_kinds()["s3"], "No bucket", elsewhere, secrets)
    assert scene.export(nowhere, "s3", folder="no-such-bucket/a/")["status"] in ("failed", "refused")
    for key in s3_store.keys(bucket, prefix):
        found = s3_store.client().get_object(Bucket=bucket, Key=key)
        scene.heap.add(
            "bucket", f"{key} {found['Metadata']} {found['ResponseMetadata']}".encode() + found["Body"].read()
        )
    assert scene.heap.size("bucket") > 1000
    finish(scene)


@pytest.mark.django_db(transaction=True)
def test_a_task_holds_ids_alone(alice: Any, tmp_path: Path, settings: Any):
    """In the scene above a worker may be faster than whoever looks into the queue."""
    from django_q.models import OrmQ

    settings.ARTIFACTS_DIR = tmp_path
    actor = Actor(kind=USER, name="alice", channel="web", user_id=alice.pk)
    project = create_project(name=PROJECT, actor=actor)
    with toy.registered():
        secret = f"Cn{random_secrets.token_hex(12)}"
        made = create_connection(
            kind="vault", name="Deep", config={"room": "EAST"}, secrets={"phrase": secret}, actor=actor
        )
        grant_connection(connection=made, project=project, actor=actor)
        body = {"format": "ndjson", "destination": {"kind": "vault", "connection": made.public_id}}
        report = request_export(project=project, spec=ExportSpec.parse(body, project), actor=actor)
        queued = [one.task for one in OrmQ.objects.all()]
    assert [task["args"] for task in queued] == [("export", report.pk)]
    heap = Haystack()
    for one in OrmQ.objects.all():
        heap.add("queue", f"{one.payload} {one.task}")
    assert heap.hits([secret]) == []


def test_an_example_of_every_setting_can_be_read_from_its_help():
    """So that a kind is in this test by itself."""
    with toy.registered():
        found = example_config(connection_kinds()["vault"], "10.0.0.7:9000")
        assert found == {"room": "EAST", "private_address": "10.0.0.7:9000"}
        assert set(canaries(connection_kinds()["vault"])) == {"phrase", "knock"}
    for kind in connection_kinds().values():
        assert all(example_config(kind, "10.0.0.7:9000").values())


def test_what_is_searched_is_found_in_any_writing(tmp_path: Path):
    import base64
    import urllib.parse
    import zlib

    secret = "Pa/ss+w=rd&<1>é"
    wrapped = base64.urlsafe_b64encode(zlib.compress(f"xx {secret} yy".encode()))
    for content in (
        secret.encode(),
        urllib.parse.quote(secret).encode(),
        json.dumps({"a": secret}).encode(),
        base64.b64encode(b"user:" + secret.encode()),
        base64.b64encode(b"u:" + secret.encode() + b"!"),
        b"prefix." + wrapped + b":suffix",
        repr({"a": secret}).encode(),
    ):
        heap = Haystack()
        heap.add("here", content)
        assert heap.hits([secret, "another-1"]) == [f"here: {secret}"]
    heap = Haystack()
    heap.add("here", b"nothing of the kind")
    assert heap.hits([secret]) == []
