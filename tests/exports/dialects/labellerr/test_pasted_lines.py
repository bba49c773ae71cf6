"""The lines of the page "Use with Labellerr's SDK", pasted and run against a live installation.

They import ``labellerr``, which no registry has: the modules that they name are made here of the tests' own client.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import requests

from exports.dialects import DIALECTS
from tests.exports.dialects.labellerr import sdk
from tests.exports.dialects.labellerr.conftest import Site


def _modules(generation: str) -> dict[str, ModuleType]:
    """What a generation's lines can import."""
    constants = SimpleNamespace(BASE_URL="https://api.labellerr.com")

    class LabellerrClient:
        """The base address is read when a call is made, as there."""

        def __init__(self, api_key: str, api_secret: str, client_id: str = "1234") -> None:
            self.keys = (api_key, api_secret, client_id)

        @property
        def wire(self) -> sdk.Client:
            return sdk.Client(constants.BASE_URL, *self.keys, generation=generation)

        def create_local_export(self, project_id: str, client_id: str, wanted: dict[str, Any]) -> Any:
            query = {"project_id": project_id, "client_id": client_id}
            body = wanted | {"export_destination": "local", "question_ids": ["all"]}
            return self.wire.call("POST", "/sdk/export/files", query, body)

        def check_export_status(self, project_id: str, report_ids: list[str], client_id: str) -> Any:
            return sdk.Project(self.wire, project_id).check_export_status(report_ids)

        def fetch_download_url(self, project_id: str, uuid: str, export_id: str, client_id: str) -> Any:
            return sdk.Project(self.wire, project_id).fetch_download_url(uuid, export_id)

    class LabellerrProject:
        def __init__(self, client: LabellerrClient, project_id: str) -> None:
            self.project = sdk.Project(client.wire, project_id)

        def check_export_status(self, report_ids: list[str]) -> Any:
            return self.project.check_export_status(report_ids)

        if generation == "C":

            def create_export(self, params: dict[str, Any]) -> sdk.Export:
                return self.project.create_export(**params)

        else:

            def create_local_export(self, wanted: dict[str, Any]) -> sdk.Export:
                return self.project.create_export(**wanted)

    names: dict[str, dict[str, Any]] = {"labellerr": {}, "labellerr.client": {"LabellerrClient": LabellerrClient}}
    if generation == "A":
        names |= {"labellerr.constants": vars(constants)}
    else:
        names |= {
            "labellerr.core": {"constants": constants},
            "labellerr.core.projects": {"LabellerrProject": LabellerrProject},
        }
    if generation == "C":
        names |= {"labellerr.core.schemas": {"CreateExportParams": dict}}
    made = {}
    for name, members in names.items():
        made[name] = ModuleType(name)
        made[name].__dict__.update(members)
    if generation == "A":  # "import labellerr.constants" binds the package, whose constants the client reads
        made["labellerr"].constants = constants  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("generation", "ABC")
def test_the_lines_as_they_are_pasted_end_with_where_the_file_is(
    site: Site, generation: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, module in _modules(generation).items():
        monkeypatch.setitem(sys.modules, name, module)
    keys = {"key_id": site.token["token_id"], "key": site.token["key"]}
    filled = DIALECTS["labellerr"].lines(site.address, site.project_id, **keys)
    lines = dict(zip("CBA", (lines for _, lines in filled), strict=True))[generation]
    scope: dict[str, Any] = {}
    exec(compile(lines, "pasted", "exec"), scope)
    told = capsys.readouterr().out
    assert "Created" in told
    if generation == "B":  # that generation keeps the address to itself
        assert json.loads(told)["status"][0]["export_name"] == "Weekly export"
        return
    link = scope["made"]["response"][0]["download_url"] if generation == "C" else None
    url = link["url"] if link else told.split("'url': '")[1].split("'")[0]
    assert json.loads(requests.get(url, timeout=60).content)["info"]["description"] == "Weekly export"
