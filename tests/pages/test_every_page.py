"""Every page in every state, in a real Chromium: clean for screen readers, light and dark, at phone width, and whatever
hostile text it shows does nothing. Nothing leaves the host (the ``site`` fixture)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import Page, expect

from tests.connections.toy import registered
from tests.pages import addresses
from tests.pages.hostile_world import HostileWorld, build
from tests.support import cast
from tests.support.browsing import cut_off, faint_edges, overflow, sign_in, violations

AREAS = sorted(module.name for module in pkgutil.iter_modules(addresses.__path__))
# no pages of ours (Swagger UI and Django's admin are others' work), or answers to machines
ELSEWHERE = ("admin/", "api/v1/", "dialects/", "healthz", "readyz", "metrics", "media/", "sign-in/", "sign-out/")
FILES = {
    "audit/export/",
    "imports/<str:import_id>/refused/",
    "syncs/<str:sync_id>/refused/",
    "exports/<str:report_id>/files/<path:name>/",
    "exports/<str:report_id>/manifest.json",
    "exports/<str:report_id>/trail-proof.json",
    "exports/l/<str:token>/manifest.json",
    "exports/l/<str:token>/verify.py",
    "help/verify.py",
    "exports/l/<str:token>/file",
}
WIDTHS = (375, 320)


def pages_of(area: str, world: HostileWorld) -> dict[str, str]:
    found: dict[str, str] = importlib.import_module(f"tests.pages.addresses.{area}").addresses(world)
    return found


@pytest.fixture
def world(transactional_db: None, settings: Any, tmp_path: Any) -> Iterator[HostileWorld]:
    settings.MEDIA_DIR = tmp_path / "media"
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    with registered():
        yield build(tmp_path)


@pytest.mark.parametrize("area", AREAS)
def test_every_page_is_clean_fits_a_phone_and_runs_nothing(area: str, world: HostileWorld, site: str, page: Page):
    sign_in(page, site, "alice", cast.PASSWORD)
    found: dict[str, list[str]] = {}
    for name, path in pages_of(area, world).items():
        faults = _faults(page, f"{site}{path}")
        if faults:
            found[name] = faults
    assert found == {}


def _faults(page: Page, address: str) -> list[str]:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    answer = page.goto(address)
    if answer is None or answer.status >= 500:
        return [f"answered {answer.status if answer else 'nothing'}"]
    faults = [f"light: {each}" for each in (*violations(page), *faint_edges(page))]
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    # the theme changes colours and nothing else
    dark = (*violations(page, "color-contrast", "link-in-text-block"), *faint_edges(page))
    faults += [f"dark: {each}" for each in dark]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 720})
        if overflow(page):
            faults.append(f"at {width}: {overflow(page)} pixels too wide")
        faults += [f"at {width}: {each}" for each in cut_off(page)]
    if "ran" in page.title().split(" ")[:1]:
        faults.append("hostile text has run")
    return faults


def _routes(resolver: URLResolver, before: str = "") -> set[str]:
    found = set()
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= _routes(pattern, route)
        elif isinstance(pattern, URLPattern) and "GET" in getattr(pattern.callback, "methods", ("GET",)):
            found.add(route)
    return found


def test_no_page_is_missing_from_the_walk(world: HostileWorld):
    walked = {resolve(path.partition("?")[0]).route for area in AREAS for path in pages_of(area, world).values()
              if path != "/nowhere/"}  # fmt: skip
    there = {route for route in _routes(get_resolver()) if not route.startswith(ELSEWHERE)}
    assert there - walked - FILES - NO_PAGE == set()


# answers that are not pages by themselves: files, and fragments that a page loads into itself
NO_PAGE: set[str] = {"exports/list.csv", "exports/active/", "now/"}


def test_no_page_shows_hostile_text_as_markup(world: HostileWorld):
    client = Client()
    client.force_login(world.people["alice"])
    for area in AREAS:
        for name, path in pages_of(area, world).items():
            said = client.get(path)
            body = b"".join(said.streaming_content) if said.streaming else said.content
            assert said.status_code < 500, (area, name)
            for piece in (b"<script>document", b"<img src=x", b"<svg onload", b'<a href="javascript:', b'onerror="'):
                assert piece not in body, (area, name, piece)
