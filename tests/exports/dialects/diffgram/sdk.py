"""What Diffgram's SDK 0.15.0 sends and how it reads what comes back, as far as an export is concerned.

It says again what that SDK does on the wire, odd readings included, and shares no code with it or with the product; the
SDK itself is run in ``tests/platforms``. Requests go to Django's own test client, so that nothing is made until a test
makes it.
"""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

from django.test import Client

from tests.rest.world import whole


class DiffgramError(Exception):
    """A bare exception, as there."""


class Project:
    """``Project(project_string_id, client_id, client_secret)``; ``log`` is what it asked."""

    def __init__(self, project_string_id: str, client_id: str, client_secret: str, *, begin: bool = True) -> None:
        self.project_string_id = project_string_id
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self.web = Client(headers={"Authorization": f"Basic {pair}", "User-Agent": "python-requests/2.32.3"})
        self.log: list[str] = []
        self.file_ids: list[int] = []
        if begin:
            self.begin()

    def begin(self) -> None:
        name = self.project_string_id
        found = self.get(f"/api/project/{name}/user/legacy/working_dir/view")["working_dir"]
        self.directory = SimpleNamespace(**found)
        self.file_ids = self.files(self.directory.directory_id)
        if self.file_ids:
            sent = {"file_id_list": self.file_ids}
            assert self.post(f"/api/v1/project/{name}/file/exists", sent)["result"]["exists"] is True
        labels = self.get(f"/api/v1/project/{name}/labels/view/name_to_file_id")
        assert labels["log"]["success"] is True
        self.labels = labels["name_to_file_id"]
        self.schemas = self.get(f"/api/v1/project/{name}/labels-schema")

    def files(self, directory_id: int, mode: str = "ids_only", page: int = 1, **more: Any) -> Any:
        wanted = {
            "directory_id": directory_id,
            "annotations_are_machine_made_setting": "All",
            "annotation_status": "All",
            "limit": 5000,
            "media_type": "All",
            "page": page,
            "file_view_mode": mode,
            "search_term": None,
            "with_children_files": False,
            "query": None,
        }
        address = f"/api/project/{self.project_string_id}/user/sdk/file/list"
        self.file_list = self.post(address, {"metadata": wanted | more})
        return self.file_list["file_list"]

    def job(self, job_id: int) -> Any:
        found = self.post(f"/api/v1/job/{job_id}/builder/info", {"mode_data": None})["job"]
        for key in ("launch_datetime", "label_schema_id", "tag_list"):  # what print(job) reads
            assert key in found, key
        return SimpleNamespace(**found)

    def jobs(self) -> list[dict[str, Any]]:
        wanted = {
            "limit": 100,
            "data_mode": "with_tags",
            "search": None,
            "status": ["All"],
            "tag_list": None,
            "project_string_id": self.project_string_id,
            "page_number": 1,
        }
        found: list[dict[str, Any]] = self.post("/api/v1/job/list", {"metadata": wanted})["Job_list"]
        return found

    def generate_export(self, job_id: int | None = None, **more: Any) -> Any:
        sent = {
            "job_id": job_id,
            "kind": "Annotations",
            "source": "job",
            "file_comparison_mode": "latest",
            "directory_id": None,
            "masks": False,
            "ann_is_complete": None,
            "return_type": "data",
            "wait_for_export_generation": True,
        } | more
        answer = self.post(f"/api/walrus/project/{self.project_string_id}/export/to_file", sent)
        return answer if sent["wait_for_export_generation"] else SimpleNamespace(**answer["export"])

    def exports(self) -> list[Any]:
        found = self.get(f"/api/walrus/project/{self.project_string_id}/export/working_dir/list")
        return [SimpleNamespace(**one) for one in found.get("export_list") or []]

    def access_data(self, export: Any, return_type: str = "url", **more: Any) -> Any:
        sent = {"id": export.id, "return_type": return_type, "format": "JSON"} | more
        return self.post(f"/api/walrus/project/{self.project_string_id}/export/link", sent)

    def get(self, path: str, query: dict[str, Any] | None = None) -> Any:
        return self._read("GET", path, self.web.get(f"/dialects/diffgram{path}", query or {}))

    def post(self, path: str, sent: Any) -> Any:
        data = json.dumps(sent)
        return self._read("POST", path, self.web.post(f"/dialects/diffgram{path}", data, "application/json"))

    def _read(self, method: str, path: str, response: Any) -> Any:
        self.log.append(f"{method} {path} {response.status_code}")
        text = whole(response).decode()
        match response.status_code:
            case 200:
                return json.loads(text)
            case 403:
                raise DiffgramError("Invalid Permission", text)
            case 404:
                raise DiffgramError("404 Not Found" + text)
            case status:
                raise DiffgramError(text, status)
