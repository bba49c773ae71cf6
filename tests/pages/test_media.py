"""Pictures that Export Admin keeps: for people who may see the project, and nothing but pictures."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from PIL import Image

from connections.models import Project


@pytest.fixture
def folder(project: Project, settings, tmp_path: Path) -> Path:
    settings.MEDIA_DIR = tmp_path / "media"
    folder = settings.MEDIA_DIR / project.public_id
    folder.mkdir(parents=True)
    Image.new("RGB", (3, 2), "red").save(folder / "demo-0001.png")
    (tmp_path / "media" / "secret.png").write_bytes(b"secret")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "..%2Fsecret.png",
        "%2e%2e/secret.png",
        "....//secret.png",
        "..\\secret.png",
        "/etc/passwd",
        "demo-0001.png%00.png",
        "demo-0001.png%0A",
        ".hidden.png",
        "demo-0001",
        "demo-0001.svg",
        "demo-0001.html",
        "nosuch.png",
        "x" * 300 + ".png",
        "🖼.png",
    ],
)
def test_a_name_that_leads_elsewhere_is_a_404(visitor: Client, project: Project, folder: Path, name: str):
    (folder / "demo-0001.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    (folder / "demo-0001.html").write_text("<script>alert(1)</script>")
    (folder / "demo-0001").write_text("x")
    (folder / ".hidden.png").write_text("x")
    assert visitor.get(f"/media/{project.public_id}/{name}").status_code == 404


@pytest.mark.parametrize("project_id", ["..", "nosuch", "%2e%2e", ".", "%00"])
def test_a_project_that_is_none_is_a_404(visitor: Client, folder: Path, project_id: str):
    assert visitor.get(f"/media/{project_id}/secret.png").status_code == 404


def test_a_link_in_the_folder_is_not_followed(visitor: Client, project: Project, folder: Path, tmp_path: Path):
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert visitor.get(f"/media/{project.public_id}/link.png").status_code == 404


def test_a_stranger_gets_a_404(stranger: Client, project: Project, folder: Path):
    assert stranger.get(f"/media/{project.public_id}/demo-0001.png").status_code == 404


def test_a_member_sees_the_picture(visitor: Client, project: Project, folder: Path):
    answer = visitor.get(f"/media/{project.public_id}/demo-0001.png")
    assert answer.status_code == 200
    body = answer.getvalue()
    assert Image.open(io.BytesIO(body)).size == (3, 2)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")
    assert folder.parent == django_settings.MEDIA_DIR
