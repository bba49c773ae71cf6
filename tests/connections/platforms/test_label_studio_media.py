"""With a Label Studio's token files of the project's own tasks are fetched, and nothing else."""

from __future__ import annotations

import pytest

from connections.platforms.label_studio.platform import LabelStudioPlatform

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "is_file"),
    [
        ("/data/upload/1/a.jpg", True),
        ("/data/local-files/?d=set/a.jpg", True),
        ("/storage-data/uploaded/?filepath=upload/1/a.jpg", True),
        ("/tasks/7/resolve/?fileuri=czM6", True),
        ("/api/projects/1/presign/?fileuri=czM6", True),
        ("/data/upload/12/a.jpg", False),
        ("/data/avatars/a.jpg", False),
        ("/storage-data/uploaded/?filepath=upload/12/a.jpg", False),
        ("/projects/12/resolve/?fileuri=czM6", False),
        ("/api/projects/1/export", False),
        ("/user/logout", False),
    ],
)
def test_files_of_its_project_alone_are_asked_for(label_studio: LabelStudioPlatform, path: str, is_file: bool):
    assert (label_studio.media_session("1").files.match(path) is not None) is is_file
