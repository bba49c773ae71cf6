"""The register and the questions, on a trail made through every channel, counted against the script that made it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from connections.access.tokens import issue_token
from connections.models import Connection, Project
from connections.s3 import client
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.questions import in_order
from exports import actions
from exports.links import actions as link_actions
from exports.models import ExportReport
from exports.register.lines import register_entries
from exports.results.search import search
from tests.exports.delivery.conftest import ROWS
from tests.pages.test_trail_questions import ask
from tests.rest.world import SHELL, Rest, whole
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)
VISITOR = "198.51.100.4"


@dataclass
class Script:
    """What was done: lines expected, as ``(who, kind, channel, export)``, and what was counted on the way."""

    lines: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    exports: int = 0
    links: int = 0
    refused: int = 0
    changes: int = 0  # of the config "Weekly"
    roles: int = 0
    tokens: int = 0  # bound to the project
    sign_ins: int = 0  # that were refused

    def took(self, who: str, kind: str, channel: str, export: ExportReport, size: int | None = None) -> None:
        self.lines[who, kind, channel, export.name] += 1
        self.bytes[who.rpartition(" of ")[2]] += size or 0


@pytest.fixture
def oscar_s(oscar: User) -> Rest:
    return Rest(issue_token(user=oscar, name="ci", scopes=("admin",), actor=SHELL)[1])


@pytest.fixture
def browsers(members: Project, oscar: User, rita: User) -> dict[str, Client]:
    found = {}
    for user in (oscar, rita):
        found[user.username] = Client()
        found[user.username].force_login(user)
    return found


@pytest.fixture
def script(filled: Project, alice: User, deliver: Any, saved_s3_connection: Connection, s3_folder: str, oscar_s: Rest,
           browsers: dict[str, Client], oscar: User, mallory: User, tmp_path: Path) -> Script:  # fmt: skip
    """Everything once or twice, through each channel."""
    done = Script()
    near = deliver(name="Near", filter={"with_annotations": True})
    coco = deliver(name="Coco", format="coco_json")
    bucket = {"kind": "s3", "connection": saved_s3_connection.public_id, "folder": f"s3://{s3_folder}"}
    far = deliver(bucket, name="Far")
    assert near.is_delivered and coco.is_delivered and far.is_delivered, (near.error, coco.error, far.error)
    done.took("token script of alice", "delivery", "worker", far, far.bytes_done)
    artifact = near.artifacts.get()
    # pages and REST
    page = f"/exports/{near.report_id}/files/{artifact.name}/"
    done.took("oscar", "download", "web", near, len(whole(browsers["oscar"].get(page))))
    part = browsers["oscar"].get(page, headers={"Range": "bytes=10-29"})
    assert part.status_code == 206
    done.took("oscar", "download", "web", near, len(whole(part)))
    assert browsers["rita"].get(page).status_code == 403
    done.refused += 1
    file = whole(oscar_s.get(f"artifacts/{coco.artifacts.get().public_id}/download/"))
    done.took("token ci of oscar", "download", "rest", coco, len(file))
    rows = whole(oscar_s.get(f"reports/{near.report_id}/rows/", {"limit": 3}))
    done.took("token ci of oscar", "reading", "rest", near, len(rows))
    assert browsers["oscar"].get(f"/exports/{near.report_id}/preview/").status_code == 200
    done.took("oscar", "reading", "web", near)
    # the bucket hands it out: as one with TLS would
    client.open_bucket(saved_s3_connection).gives_urls = True
    sent_on = browsers["oscar"].get(f"/exports/{far.report_id}/files/{far.artifacts.get().name}/")
    assert sent_on.status_code == 302
    assert urlopen(sent_on["Location"], timeout=10).status == 200
    done.took("oscar", "handed-over", "web", far)
    # links: one used twice, one that is good once, one for a person
    actor = SHELL
    many = link_actions.issue_link(artifact=artifact, actor=actor, seconds=600)
    once = link_actions.issue_link(artifact=artifact, actor=actor, seconds=600, one_time=True)
    visitor = Client(REMOTE_ADDR=VISITOR)
    for token in (many[1], many[1], once[1]):
        done.took("without sign-in", "download", "link", near, len(whole(visitor.get(f"/exports/l/{token}/file"))))
    assert visitor.get(f"/exports/l/{once[1]}/file").status_code == 410
    done.refused += 1
    hers = link_actions.issue_link(
        artifact=artifact, actor=actor, seconds=600, for_user=User.objects.get(username="rita")
    )
    done.took("rita", "download", "link", near, len(whole(browsers["rita"].get(f"/exports/l/{hers[1]}/file"))))
    done.links += 3
    # another platform's client
    key, secret = issue_token(user=oscar, name="sdk", scopes=("admin",), actor=SHELL)
    sdk = Client(HTTP_API_KEY=key.public_id, HTTP_API_SECRET=secret, HTTP_CLIENT_ID="1")
    asked = {"project_id": filled.public_id, "client_id": "1", "report_id": near.report_id}
    told = sdk.get("/dialects/labellerr/exports/download", asked)
    assert told.status_code == 200, told.content
    address = re.sub(r"https?://[^/]+", "", re.search(rb'"(http[^"]+)"', told.content)[1].decode())  # type: ignore[index]
    done.took("without sign-in", "download", "link", near, len(whole(visitor.get(address))))
    done.links += 1
    # a shell, into somebody's own folder
    call_command("run_export", filled.name, "--format", "csv", "--name", "Shell", "--output", str(tmp_path / "own"))
    shell = ExportReport.objects.get(name="Shell")
    done.took(shell.created_by_name, "delivery", "worker", shell, shell.bytes_done)
    done.exports = 4
    _change_things(done, filled, oscar_s, browsers["oscar"], alice, mallory)
    return done


def _change_things(done: Script, project: Project, oscar_s: Rest, oscar: Client, alice: User, mallory: User) -> None:
    """A config, roles and keys through web, REST and shell; and a password that is guessed."""
    weekly = {"project": project.public_id, "format": "csv", "name": "Weekly"}
    config = oscar_s.post("configs/", weekly).json()["config_id"]
    assert oscar_s.put(f"configs/{config}/", {**weekly, "statuses": ["accepted"]}).status_code == 200
    typed = {**weekly, "description": "each Monday", "do": "save"}
    assert oscar.post(f"/configs/{config}/edit/", typed).status_code == 302
    done.changes += 3
    alice_s = Rest(issue_token(user=alice, name="people", scopes=("admin",), actor=SHELL)[1])
    member = f"projects/{project.public_id}/members/mallory/"
    assert alice_s.put(member, {"role": "operator"}).status_code in (200, 201)
    call_command("set_role", "mallory", project.public_id, "admin")
    alice_web = Client()
    alice_web.force_login(alice)
    taken = alice_web.post(f"/projects/{project.public_id}/members/{mallory.pk}/remove/")
    assert taken.status_code == 302
    done.roles += 3
    bound = {"name": "bound", "scopes": ["exports:read"], "project": project.public_id}
    assert oscar.post("/api/v1/tokens/", bound, "application/json").status_code == 201
    done.tokens += 1
    for _ in range(2):
        guess = Client(REMOTE_ADDR=VISITOR).post("/sign-in/", {"username": "alice", "password": "guess"})
        assert guess.status_code == 200
        done.sign_ins += 1


@pytest.fixture
def reviewer(script: Script, browsers: dict[str, Client]) -> Client:
    return browsers["rita"]


def as_json(client: Client, **query: str) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/register/", {"page_size": "100", **query})
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def counted(lines: list[dict[str, Any]]) -> Counter[tuple[str, str, str, str]]:
    return Counter((line["who"], line["kind"], line["channel"], line["export"]) for line in lines)


def test_the_register_is_what_was_done_through_every_channel(script: Script, reviewer: Client, capsys):
    lines = as_json(reviewer)
    assert counted(lines) == script.lines
    by_person: Counter[str] = Counter()
    for line in lines:
        by_person[line["who"].rpartition(" of ")[2]] += line["bytes"] or 0
    assert +by_person == +script.bytes
    body = b"".join(reviewer.get("/audit/register/", {"as": "csv"})).decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(body, newline="")))
    assert counted(table) == script.lines
    assert [row["entry"] for row in table] == [str(line["entry"]) for line in lines]
    assert table[0].keys() == lines[0].keys()
    capsys.readouterr()
    call_command("register", "--json", "--limit", "100")
    assert json.loads(capsys.readouterr().out) == lines
    call_command("register", "--person", "without sign-in")
    assert len(capsys.readouterr().out.splitlines()) == script.lines["without sign-in", "download", "link", "Near"] == 4


def test_the_page_adds_up_what_each_person_took(script: Script, reviewer: Client):
    page = reviewer.get("/audit/register/").content.decode()
    people = page.split("By person")[1].split("</table>")[0]
    for who in {key[0].rpartition(" of ")[2] for key in script.lines}:
        cells = people.split(f">{who}</a>")[1].split("</tr>")[0]
        numbers = [int(number) for number in re.findall(r'ea-num">(\d+)<', cells)]
        kinds = ("download", "handed-over", "delivery", "reading")
        mine = Counter[str]()
        for (name, kind, _, _), count in script.lines.items():
            if name.rpartition(" of ")[2] == who:
                mine[kind] += count
        assert numbers == [mine[kind] for kind in kinds], who
    assert page.count('class="ea-bar-part"') == 1
    assert page.count("<tr>") >= sum(script.lines.values())


def test_each_line_says_how_much_where_to_under_which_filter_and_whether_all_of_it(script: Script, reviewer: Client):
    lines = as_json(reviewer)
    near = ExportReport.objects.get(name="Near")
    downloads = [line for line in lines if line["export"] == "Near" and line["kind"] == "download"]
    assert {line["rows"] for line in downloads} == {near.rows_done}
    assert {line["filter"] for line in lines if line["export"] == "Near"} == {"annotations: only rows with"}
    assert {line["filter"] for line in lines if line["export"] == "Coco"} == {"none: every row"}
    (far,) = (line for line in lines if line["export"] == "Far" and line["kind"] == "delivery")
    assert far["for_whom"].startswith("s3://") and (far["rows"], far["complete"]) == (ROWS, "yes")
    (shell,) = (line for line in lines if line["export"] == "Shell")
    assert shell["for_whom"] == "a folder that was named in a shell"
    (handed,) = (line for line in lines if line["kind"] == "handed-over")
    assert (handed["bytes"], handed["is_whole"]) == (None, False) and handed["complete"].startswith("not known")
    size = near.artifacts.get().bytes
    complete = Counter(line["complete"] for line in downloads)
    assert complete == {"yes": 6, f"a part: bytes 10 to 29 of {size:,}": 1}
    assert Counter(line["complete"] for line in lines if line["kind"] == "reading") == {
        "a part, as asked for": 1,
        "some rows": 1,
    }
    by_link = [line["for_whom"] for line in lines if line["channel"] == "link"]
    assert Counter(by_link) == {"whoever has the link": 3, "whoever has the link, once": 1, "rita": 1}
    assert {line["address"] for line in lines if line["who"] == "without sign-in"} == {VISITOR}


FILTERS = [
    ({"person": "oscar"}, lambda key: key[0] in ("oscar", "token ci of oscar")),
    ({"person": "without sign-in"}, lambda key: key[0] == "without sign-in"),
    ({"person": "alice"}, lambda key: key[0].endswith(" of alice")),
    ({"kind": "delivery"}, lambda key: key[1] == "delivery"),
    ({"kind": "download"}, lambda key: key[1] == "download"),
    ({"kind": "handed-over"}, lambda key: key[1] == "handed-over"),
    ({"channel": "link"}, lambda key: key[2] == "link"),
    ({"project": "nothing"}, lambda key: False),
    ({"before": "2020-01-01"}, lambda key: False),
    ({"after": "2020-01-01"}, lambda key: True),
]


def test_it_is_filtered_alike_on_the_page_and_in_rest(script: Script, reviewer: Client):
    for asked, wanted in FILTERS:
        expected = Counter({key: count for key, count in script.lines.items() if wanted(key)})
        assert counted(as_json(reviewer, **asked)) == expected, asked
        body = b"".join(reviewer.get("/audit/register/", {"as": "csv", **asked})).decode("utf-8-sig")
        assert counted(list(csv.DictReader(io.StringIO(body, newline="")))) == expected, asked


def test_each_export_has_its_own_as_a_tab_which_outlives_its_files(script: Script, reviewer: Client):
    near = ExportReport.objects.get(name="Near")
    actions.remove_files(report=near, actor=SHELL, why="old")
    assert f'href="/exports/{near.report_id}/register/"' in reviewer.get(f"/exports/{near.report_id}/").content.decode()
    body = b"".join(reviewer.get(f"/exports/{near.report_id}/register/", {"as": "csv"})).decode("utf-8-sig")
    mine = Counter({key: count for key, count in script.lines.items() if key[3] == "Near"})
    assert counted(list(csv.DictReader(io.StringIO(body, newline="")))) == mine
    assert counted(as_json(reviewer, export=near.report_id)) == mine
    assert reviewer.get(f"/exports/{near.report_id}/register/", {"project": "x"}).status_code == 400


def test_it_is_told_from_the_trail_alone(script: Script, reviewer: Client):
    before = as_json(reviewer)
    ExportReport.objects.all().delete()
    assert as_json(reviewer) == before
    near = next(line["report_id"] for line in before if line["export"] == "Near")
    assert len(as_json(reviewer, export=near)) == sum(count for key, count in script.lines.items() if key[3] == "Near")


def test_who_may_read_the_trail_of_a_project_sees_that_project_only(
    script: Script, reviewer: Client, browsers: dict[str, Client], tmp_path: Path
):
    foreign = Project.objects.create(connection=Project.objects.get().connection, name="Foreign")
    write_rows(foreign, mixed(2), now_ms=1_000)
    call_command("run_export", "Foreign", "--format", "csv", "--name", "Hidden", "--output", str(tmp_path / "hidden"))
    assert register_entries({"project": "Foreign"}).count() == 1
    assert as_json(reviewer, project="Foreign") == [] and counted(as_json(reviewer)) == script.lines
    assert "Hidden" not in reviewer.get("/audit/register/").content.decode()
    for address in ("/audit/register/", "/api/v1/register/"):
        assert browsers["oscar"].get(address).status_code == 403


def test_reading_it_and_taking_it_are_lines_themselves(script: Script, reviewer: Client):
    start = AuditEntry.objects.latest("sequence").sequence
    for _ in range(2):
        assert reviewer.get("/audit/register/", {"kind": "delivery"}).status_code == 200
    assert b"".join(reviewer.get("/audit/register/", {"as": "csv"}))
    read, exported = AuditEntry.objects.filter(sequence__gt=start).order_by("sequence")
    assert (read.event, read.details) == ("audit.read", {"what": "register", "asked": {"kind": "delivery"}})
    assert (exported.event, exported.details["what"]) == ("audit.exported", "register")


def test_wrong_values_are_named(script: Script, reviewer: Client):
    for query, words in (("kind=odd", "unknown kind"), ("after=soon", "is not a time"), ("colour=red", "colour")):
        page = reviewer.get(f"/audit/register/?{query}")
        assert page.status_code == 400 and words in page.content.decode(), query
        assert reviewer.get(f"/api/v1/register/?{query}").status_code == 400
    assert reviewer.get("/audit/register/?as=xml").status_code == 400


@dataclass(frozen=True)
class Question:
    """What is asked, and what the answer begins with and holds, as the script has counted it."""

    slug: str
    asked: dict[str, str]
    begins: str
    holds: tuple[str, ...] = ()


def questions_of(script: Script, connection: Connection) -> list[Question]:
    """Every question, as a reviewer of the project asks it."""
    kinds: Counter[str] = Counter()
    for (_, kind, _, _), count in script.lines.items():
        kinds[kind] += count
    downloads = kinds["download"] + kinds["handed-over"]
    people = "by 2 people (4 without sign-in)"
    taken = f"{downloads} downloads {people} and {kinds['reading']} readings of rows by 1 person"
    keys = (f"row-{number:05d}" for number in range(ROWS))
    row = next(key for key in keys if search(key, projects=None).exports == script.exports)
    mine = sum(count for key, count in script.lines.items() if key[0].endswith("oscar") and key[1] != "reading")
    exports, links = f"{script.exports} exports", f"{script.links} links to 1 file by"
    return [
        Question("who-exported", {}, f"{exports} by 2 people, {taken}"),
        Question("outside-hours", {"from": "00:00", "until": "00:01"}, "", (taken,)),
        Question("row", {"row": row}, f"{exports} contain the row {row}; of them {downloads} downloads {people}"),
        Question("changes", {"object": "Weekly"}, f"{script.changes} changes of Weekly by 1 person"),
        Question("refused", {}, f"{script.refused} requests by 1 person (1 without sign-in) were refused"),
        Question("person", {"person": "oscar"}, "", (f"{mine} downloads, {kinds['reading']} readings of rows",)),
        Question("links", {}, links),
        Question("access", {}, f"{script.roles} changes of roles, {script.tokens} change of a token by"),
        Question("filters", {}, exports, ("3 of them under no filter",)),
        Question("sign-ins", {}, "Sign-ins were not looked for. Not in this answer, since superusers alone see it"),
        Question("connection", {"connection": connection.name}, f"{connection.name} was used for 1 export by 1 person"),
    ]


def test_every_question_counts_the_same(script: Script, reviewer: Client, saved_s3_connection: Connection, alice: User):
    questions = questions_of(script, saved_s3_connection)
    assert {question.slug for question in questions} == {question.slug for question in in_order()}
    for question in questions:
        told = ask(reviewer, question.slug, **question.asked).summary
        assert told.startswith(question.begins), question.slug
        for words in question.holds:
            assert words in told, question.slug
    links = ask(reviewer, "links")
    assert sum(line[3].startswith("used") for line in links.lines) == script.links
    alices = Client()
    alices.force_login(alice)
    assert ask(alices, "sign-ins").summary.startswith(f"{script.sign_ins} refused sign-ins under 1 name")
    access = ask(reviewer, "access")
    assert [line[3] for line in access.lines if "mallory" in line[1]] == ["web", "shell", "rest"], "the newest first"
