"""Every static file that a template names exists: in production a missing one is a 500."""

from __future__ import annotations

import re

import pytest
from django.contrib.staticfiles import finders

from tests.support.paths import ROOT

NAMED = re.compile(r"""\{%\s*static\s+["']([^"']+)["']\s*%\}""")
FILES = sorted(
    {name for page in (ROOT / "templates").rglob("*.html") for name in NAMED.findall(page.read_text(encoding="utf-8"))}
)


def test_templates_name_static_files() -> None:
    assert "exportadmin/app.css" in FILES


@pytest.mark.parametrize("name", FILES)
def test_a_static_file_that_a_template_names_is_found(name: str) -> None:
    assert finders.find(name) is not None
