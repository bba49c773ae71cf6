"""The list of links: states in words, filters that refuse what they do not know, revoking, and what went out."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Project
from exportadmin.lib.formatting import whole
from exports.links import states
from exports.models import Artifact, Download, Link
from tests.exports.downloads.support import file_path, issue, trail
from tests.pages.reports import deliver
from tests.pages.squeezed import page_html

pytestmark = pytest.mark.django_db


@pytest.fixture
def artifact(members, tmp_path) -> Artifact:
    return deliver(members, tmp_path / "d")


@pytest.fixture
def operator(oscar) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


@pytest.fixture
def in_each_state(artifact, members, oscar, tmp_path) -> dict[str, Link]:
    """A link a state; where it can, one that would be in two."""
    now = timezone.now()
    gone = deliver(members, tmp_path / "gone", files_removed_at=now)
    made = {state: issue(artifact, oscar, one_time=state == "used")[0] for state in states.LABELS}
    changes = {
        "used": {"used_at": now, "expires_at": now - timedelta(1)},
        "expired": {"expires_at": now - timedelta(seconds=1)},
        "revoked": {"revoked_at": now, "expires_at": now - timedelta(1)},
        "removed": {"artifact": gone},
    }
    for state, values in changes.items():
        Link.objects.filter(pk=made[state].pk).update(**values)
    return made


def shown(page: str) -> list[str]:
    """The ids of the links in the list."""
    return re.findall(r'<a href="/links/([a-z2-7]{24})/"', page)


def get(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return page_html(answer)


@pytest.mark.parametrize(
    "query", ["state=lost", "colour=red", "state=OPEN", "q=" + "x" * 201, "q=%00", "project=nosuch", "project=%00"]
)
def test_what_the_list_does_not_know_is_refused(operator, artifact, query):
    status = operator.get(f"/links/?{query}").status_code
    assert status == (404 if query.startswith("project") else 400)


def test_a_foreign_project_cannot_be_asked_for_and_its_links_are_not_listed(operator, artifact, alice, tmp_path):
    foreign = Project.objects.create(connection=artifact.report.project.connection, name="Secret harbour")
    issue(deliver(foreign, tmp_path / "f", name="secret.json"), alice)
    assert operator.get(f"/links/?project={foreign.public_id}").status_code == 404
    assert "secret.json" not in get(operator, "/links/")
    assert "Secret harbour" not in get(operator, "/links/")
    assert shown(get(operator, "/links/?q=secret")) == []


def test_each_state_has_its_word_and_its_filter(operator, in_each_state):
    page = get(operator, "/links/")
    assert len(shown(page)) == len(states.LABELS)
    for state, (word, *_) in states.LABELS.items():
        page = get(operator, f"/links/?state={state}")
        assert shown(page) == [in_each_state[state].public_id]
        assert re.search(rf'class="ea-state[^>]*>{word}<', page)
        link = Link.objects.select_related("artifact__report").get(pk=in_each_state[state].pk)
        assert link.state == state
        # only what is open counts down and can be revoked
        assert ("data-seconds-left" in page) == ("Revoke it" in page) == (state == "open")


@pytest.mark.parametrize("state", states.LABELS)
def test_an_exports_page_says_a_links_state_as_the_list_does(operator, in_each_state, state):
    link = Link.objects.get(pk=in_each_state[state].pk)
    Link.objects.exclude(pk=link.pk).delete()
    expected = [states.LABELS[state][:2]]
    for path in ("/links/", f"/links/{link.public_id}/", f"/exports/{link.artifact.report.report_id}/"):
        page = get(operator, path).split('id="downloads-title"')[0].split('id="links-title"')[-1]
        told = re.findall(r'class="ea-state ea-state-(\w+)"[^>]*>([^<]+)<', page)
        assert [(word, colour) for colour, word in told] == expected, path


def test_only_an_open_link_has_time_left(in_each_state):
    assert {state for state in states.LABELS if Link.objects.get(pk=in_each_state[state].pk).seconds_left} == {"open"}


def test_the_search_finds_files_exports_and_people(operator, artifact, oscar, rita, members, tmp_path):
    one = issue(artifact, oscar, for_user=rita)[0].public_id
    other = issue(_weekly(members, tmp_path), oscar)[0].public_id
    report = artifact.report
    for words, expected in {
        "rows.js": [one], "OTHER": [other], "Weekly": [other], "rita": [one], "oscar": [other, one],
        report.report_id: [one], "nothing": [], "%": [], "  ": [other, one],
    }.items():  # fmt: skip
        assert shown(get(operator, f"/links/?q={words.replace('%', '%25')}")) == expected, words


def _weekly(project: Project, tmp_path) -> Artifact:
    artifact = deliver(project, tmp_path / "o", name="other.csv")
    artifact.report.name = "Weekly"
    artifact.report.save()
    return artifact


def test_pages_keep_the_filter_and_a_page_that_is_not_there_shows_the_nearest(operator, artifact, oscar):
    for _ in range(51):
        issue(artifact, oscar)
    page = get(operator, "/links/?q=rows&state=open")
    assert len(shown(page)) == 50
    assert "1–50 of 51 links" in page
    (older,) = re.findall(r'rel="next" href="([^"]+)"', page)
    assert older.replace("&amp;", "&") == "?q=rows&state=open&page=2"
    assert len(shown(get(operator, "/links/" + older.replace("&amp;", "&")))) == 1
    assert len(shown(get(operator, "/links/?page=99"))) == 1


def test_the_queries_do_not_grow_with_the_links(operator, artifact, oscar, rita):
    counts = []
    for more in (2, 20):
        for _ in range(more):
            link, _ = issue(artifact, oscar, for_user=rita)
            Download.objects.create(artifact=artifact, link=link, actor_name="x", channel="link", bytes_requested=1)
        with CaptureQueriesContext(connection) as made:
            get(operator, "/links/")
        counts.append(len(made))
        with CaptureQueriesContext(connection) as made:
            get(operator, f"/links/{link.public_id}/")
        counts.append(len(made))
    assert counts[:2] == counts[2:]


def test_an_empty_list_says_where_links_come_from(operator, members):
    page = get(operator, "/links/")
    assert "Links are issued on the page of an export" in page
    assert "No link fits" in get(operator, "/links/?q=x")


def test_a_reviewer_sees_links_and_cannot_revoke_them(artifact, oscar, rita, client):
    link, token = issue(artifact, oscar)
    client.force_login(rita)
    for path in ("/links/", f"/links/{link.public_id}/"):
        assert "Revoke it" not in get(client, path)
    assert client.post(f"/links/{link.public_id}/revoke/").status_code == 403
    assert client.get(file_path(token)).status_code == 200


def test_revoking_ends_the_address_at_once_and_comes_back_to_the_filtered_list(operator, artifact, oscar, client):
    link, token = issue(artifact, oscar)
    answer = operator.post(f"/links/{link.public_id}/revoke/", {"next": "/links/?q=rows"}, follow=True)
    assert answer.redirect_chain == [("/links/?q=rows", 302)]
    assert "was revoked: its address opens nothing any more." in page_html(answer)
    assert client.get(file_path(token)).status_code == 410
    again = operator.post(f"/links/{link.public_id}/revoke/", {"next": "https://evil.example/"})
    assert again.headers["Location"] == "/links/"
    assert [entry.actor_name for entry in trail("link.revoked")] == ["oscar"]


@pytest.mark.parametrize("path", ["/links/nosuch/", "/links/%00/"])
def test_a_link_that_is_none(operator, path):
    assert operator.get(path).status_code == 404
    assert operator.post(path + "revoke/").status_code == 404
    assert operator.get("/links/nosuch/revoke/").status_code == 405


def test_its_page_shows_each_download_and_how_it_ended(operator, artifact, oscar, client):
    link, token = issue(artifact, oscar)
    assert "Nothing was downloaded through this link." in get(operator, f"/links/{link.public_id}/")
    size = len(client.get(file_path(token)).getvalue())
    Download.objects.update(ended_at=timezone.now(), bytes_sent=size, ending="complete")
    part = {
        "artifact": artifact,
        "link": link,
        "actor_name": "<b>",
        "first_byte": 2,
        "bytes_requested": 5,
        "bytes_sent": 3,
    }
    Download.objects.create(**part, ended_at=timezone.now(), ending="broken off")
    Download.objects.create(**part)
    page = get(operator, f"/links/{link.public_id}/")
    assert f'3 downloads <span class="ea-quiet">{size + 3} bytes handed out</span>' in page
    assert re.findall(r'ea-list-state">([^<]+)<', page) == ["Running", "Broken off", "Complete"]
    assert re.findall(r'data-label="Sent" class="ea-num">([^<]+)<', page) == ["3 bytes", "3 bytes", f"{size} bytes"]
    assert page.count('data-label="From byte" class="ea-num">2<') == 2
    assert "&lt;b&gt;" in page
    assert get(operator, "/links/").count('data-label="Uses" class="ea-num">3<') == 1


def test_refused_tries_are_shown_to_those_who_may_read_the_trail(operator, artifact, oscar, rita, mallory, client):
    link, token = issue(artifact, oscar, for_user=rita)
    other, _ = issue(artifact, oscar, for_user=rita)
    client.force_login(mallory)
    assert client.get(file_path(token)).status_code == 404
    reader = Client()
    reader.force_login(rita)
    page = get(reader, f"/links/{link.public_id}/")
    assert re.search(r"<span>not for you</span> <span class=\"ea-quiet\">mallory, 127.0.0.1</span>", page)
    assert "not for you" not in get(reader, f"/links/{other.public_id}/")
    assert "Refused tries" not in get(operator, f"/links/{link.public_id}/")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min"),
     (86399, "23 h 59 min"), (86400, "1 d 0 h"), (2592000, "30 d 0 h")],
)  # fmt: skip
def test_time_left_in_words(seconds, words):
    assert whole(seconds) == words
