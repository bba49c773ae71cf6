"""What a browser has to fetch: at most 150 kB compressed at the first visit, 30 kB after."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from connections.models import Project
from connections.store.upsert import write_rows
from tests.pages.reports import make_report
from tests.support.rows import mixed

FIRST, AFTER = 150_000, 30_000
STATIC = re.compile(r'(?:src|href)="/static/([^"]+)"')
# what the frame brings along on every page: a browser has it after the first one
_FRAME = "/exports/"


def weight(data: bytes) -> int:
    """Compressed as every browser takes it (brotli, which most of them get, is smaller still)."""
    return len(gzip.compress(data, 6))


def files_of(page: str) -> dict[str, int]:
    return {name: weight(Path(str(finders.find(name))).read_bytes()) for name in set(STATIC.findall(page))}


@pytest.fixture
def busy(project: Project, visitor: Client) -> Client:
    """Fifty exports on the list, as many as a page shows."""
    write_rows(project, mixed(30))
    for number in range(60):
        make_report(project, name=f"Nightly export number {number} of the harbour", status="completed", rows_done=7)
    return visitor


def test_a_page_is_light(busy: Client):
    frame = busy.get(_FRAME).content.decode()
    kept = files_of(frame)
    heavy = {}
    for path in (
        "/",
        "/exports/",
        "/exports/new/",
        "/projects/",
        "/configs/",
        "/links/",
        "/connections/",
        "/connections/new/",
        "/audit/",
        "/account/",
        "/help/",
    ):
        answer = busy.get(path)
        assert answer.status_code == 200, path
        own = weight(answer.content)
        files = files_of(answer.content.decode())
        first = own + sum(files.values())
        after = own + sum(size for name, size in files.items() if name not in kept)
        if first > FIRST or after > AFTER:
            heavy[path] = (first, after)
    assert heavy == {}
