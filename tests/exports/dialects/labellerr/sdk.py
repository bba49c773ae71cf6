"""What Labellerr's SDK of each generation sends and how it reads what comes back, as far as an export is concerned.

The SDK itself is in no package registry. This says again what each generation does on the wire, header names with
underscores, retries and odd readings included; it shares no code with the product.
"""

from __future__ import annotations

import json
import time
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry


class LabellerrError(Exception):
    """A bare exception with a payload, as there."""


@dataclass
class Client:
    """``generation``: A, B or C."""

    base_url: str
    api_key: str
    api_secret: str
    client_id: str = "1234"
    generation: str = "C"

    def __post_init__(self) -> None:
        self.session = requests.Session()
        again = Retry(total=3, status_forcelist=[429, 500, 502, 503, 504], backoff_factor=0.1, allowed_methods=None)
        self.session.mount("http://", HTTPAdapter(max_retries=again))
        self.session.trust_env = False

    def call(self, method: str, path: str, query: dict[str, str], body: Any = None, *, bare: bool = False) -> Any:
        headers = {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            "client_id": self.client_id,
            "source": "sdk",
            "origin": "https://pro.labellerr.com",
        }
        if not bare:
            headers["content-type"] = "application/json"
        url = f"{self.base_url}{path}?{urllib.parse.urlencode(query)}"
        data = None if body is None else json.dumps(body)
        answer = self.session.request(method, url, headers=headers, data=data, timeout=30)
        if answer.status_code in (200, 201):
            try:
                return answer.json()
            except ValueError:
                raise LabellerrError(f"Expected JSON response but got: {answer.text}") from None
        if 400 <= answer.status_code < 500:
            try:
                raise LabellerrError({"error": answer.json(), "code": answer.status_code})
            except ValueError:
                raise LabellerrError({"error": answer.text, "code": answer.status_code}) from None
        raise LabellerrError({"status": "internal server error"})


class Project:
    """``LabellerrProject(client, project_id)``."""

    def __init__(self, client: Client, project_id: str) -> None:
        self.client, self.project_id = client, project_id
        query = {"client_id": client.client_id, "uuid": str(uuid.uuid4())}
        found = client.call("GET", f"/projects/project/{project_id}", query).get("response")
        kinds = ("image", "video", "audio", "document", *(("text",) if client.generation == "C" else ()))
        if not found or found.get("data_type") not in kinds:
            raise LabellerrError(f"Unknown data type: {found}")

    def create_export(self, **params: Any) -> Export:
        body = {
            "export_name": params["export_name"],
            "export_description": params["export_description"],
            "export_format": params["export_format"],
            "statuses": params["statuses"],
            "export_destination": params.get("export_destination", "local"),
            "question_ids": ["all"],
        }
        if self.client.generation != "A":
            body |= {name: params.get(name) for name in ("connection_id", "export_folder_path")}
        if self.client.generation == "C":
            body["updated_after_timestamp"] = params.get("updated_after_timestamp")
        query = {"project_id": self.project_id, "client_id": self.client.client_id}
        answer = self.client.call("POST", "/sdk/export/files", query, body)
        return Export(str(answer["response"]["report_id"]), self)

    def list_exports(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        query = {"project_id": self.project_id, "uuid": str(uuid.uuid4()), "client_id": self.client.client_id}
        found = self.client.call("GET", "/exports/list", query, bare=True)["response"]
        completed, running = found["completed"], found["inProgress"]
        assert isinstance(completed, list) and isinstance(running, list)  # pydantic wants lists
        return completed, running

    def check_export_status(self, report_ids: list[str]) -> Any:
        call_id = str(uuid.uuid4())
        query = {"project_id": self.project_id, "uuid": call_id, "client_id": self.client.client_id}
        answer = self.client.call("POST", "/exports/status", query, {"report_ids": report_ids})
        generation = self.client.generation
        for item in answer.get("response" if generation == "C" else "status", []):
            if item["is_completed"] and item["export_status"] == "Created":
                url = self.fetch_download_url(call_id, item["report_id"])
                if generation == "C":
                    item["download_url"] = url
        return answer if generation == "C" else json.dumps(answer, indent=2)

    def fetch_download_url(self, call_id: str, report_id: str) -> Any:
        query = {"project_id": self.project_id, "uuid": call_id, "report_id": report_id}
        answer = self.client.call("GET", "/exports/download", query | {"client_id": self.client.client_id})
        return answer["response"]


@dataclass
class Export:
    """What ``create_export`` gives."""

    report_id: str
    project: Project

    @property
    def quick_status(self) -> dict[str, Any]:
        """``_status``: reads ``status`` in every generation."""
        query = {"project_id": self.project.project_id, "uuid": "u", "client_id": "1234"}
        answer = self.project.client.call("POST", "/exports/status", query, {"report_ids": [self.report_id]})
        return next((one for one in answer.get("status", []) if one["report_id"] == self.report_id), {})

    def status(self, interval: float = 0.2, attempts: int = 300) -> Any:
        """Asks until it is created or failed; there it asks for ever."""
        for _ in range(attempts):
            answer = self.project.check_export_status([self.report_id])
            whole = json.loads(answer) if isinstance(answer, str) else answer
            for item in whole["response" if self.project.client.generation == "C" else "status"]:
                if item["report_id"] == self.report_id:
                    if item["export_status"].lower() == "failed":
                        return answer
                    if item["is_completed"] and item["export_status"].lower() == "created":
                        return answer
            time.sleep(interval)
        raise AssertionError("it would ask for ever")
