"""What every page shares: language, title, one heading, no inline script or style, our own files only."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import Client

from connections.models import Project
from tests.pages.reports import deliver, make_report
from tests.pages.squeezed import page_html

VENDORED = "exportadmin/vendor/tabler/tabler.min.css"


class Outline(HTMLParser):
    """Collects what the tests ask about."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self._open = ""
        self.title = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        self.inline += [f"{tag} {name}" for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.inline.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open == "title":
            self.title += data
            self._open = ""

    def count(self, tag: str) -> int:
        return sum(each == tag for each, _ in self.tags)


@pytest.fixture
def pages(project: Project, tmp_path: Path, visitor: Client, client: Client) -> dict[str, str]:
    artifact = deliver(project, tmp_path / "d")
    running = make_report(project, status="running", rows_done=3, rows_expected=9)
    removed = deliver(project, tmp_path / "e")
    (tmp_path / "e" / removed.name).unlink()
    return {
        "sign-in": page_html(client.get("/sign-in/")),
        "list": page_html(visitor.get("/exports/")),
        "one": page_html(visitor.get(f"/exports/{artifact.report.report_id}/")),
        "running": page_html(visitor.get(f"/exports/{running.report_id}/")),
        "gone": page_html(visitor.get(f"/exports/{removed.report.report_id}/files/{removed.name}/")),
        "404": page_html(visitor.get("/nowhere/")),
    }


def test_every_page_has_a_language_a_title_one_heading_and_a_way_past_the_frame(pages: dict[str, str]):
    titles = set()
    for name, page in pages.items():
        outline = Outline(page)
        assert ("html", {"lang": "en"}) in outline.tags, name
        assert (outline.count("h1"), outline.count("main"), outline.count("title")) == (1, 1, 1), name
        assert outline.title.endswith(" · Export Admin"), name
        assert 'href="#content"' in page and 'id="content"' in page, name
        titles.add(outline.title)
    assert titles == {
        f"{words} · Export Admin"
        for words in ("Sign in", "Exports", "Nightly", "File not available", "There is nothing here")
    }


def test_no_page_needs_an_exception_from_the_content_security_policy(pages: dict[str, str], visitor: Client):
    for name, page in pages.items():
        outline = Outline(page)
        assert outline.inline == [], name
        addresses = [attrs.get("src") or attrs.get("href") or "" for _, attrs in outline.tags]
        assert [address for address in addresses if re.match(r"\w+:|//", address)] == [], name
    policy = visitor.get("/exports/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_page_one_is_on_is_marked_in_the_menu(pages: dict[str, str]):
    assert '<a href="/exports/" aria-current="page">Exports</a>' in pages["list"]
    assert '<a href="/exports/" aria-current="true">Exports</a>' in pages["one"]
    assert '<li aria-current="page">Nightly</li>' in pages["one"]


def test_every_static_file_that_a_page_names_is_there(pages: dict[str, str]):
    named = {match for page in pages.values() for match in re.findall(r'"/static/([^"]+)"', page)}
    assert {"exportadmin/app.css", "exportadmin/tokens.css", "exportadmin/theme.js", VENDORED} <= named
    assert [name for name in named if not finders.find(name)] == []


@pytest.mark.one_database
def test_the_static_files_can_be_collected_as_an_installation_does(settings, tmp_path: Path):
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "exportadmin.static_storage.Storage"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    assert re.fullmatch(r"/static/exportadmin/app\.[0-9a-f]{12}\.css", staticfiles_storage.url("exportadmin/app.css"))
    for asked in ("django_htmx/htmx-2.min.js", "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"):
        assert (tmp_path / staticfiles_storage.url(asked).lstrip("/")).is_file(), asked
    # a file more than a few megabytes that no page asks for would be the first start's longest minute
    assert sum(path.stat().st_size for path in settings.STATIC_ROOT.rglob("*")) < 12_000_000


def test_vendored_files_come_with_their_licence_and_name_no_source_map():
    css = Path(str(finders.find(VENDORED)))
    assert "sourceMappingURL" not in css.read_text(encoding="utf-8")
    assert "The MIT License" in (css.parent / "LICENSE.txt").read_text(encoding="utf-8")
