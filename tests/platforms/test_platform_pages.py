"""Every block of code on the platforms' own pages, run against one installation: it ends as the help says.

Diffgram's, Label Studio's and Labelbox's by their own SDKs; Labellerr's is in no registry, so that the tests' model of
it stands for it. The table of all blocks is printed at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import pytest
import requests

from exports.dialects import DIALECTS
from exports.dialects.base import PageBlock
from tests.exports.dialects.labellerr import sdk as labellerr
from tests.platforms.label_studio.sdk import Site as LabelStudioSite
from tests.platforms.label_studio.sdk import run_page_script
from tests.platforms.label_studio.server import PYTHON
from tests.platforms.labelbox import page, rows
from tests.platforms.labelbox.conftest import SLICE
from tests.platforms.labelbox.sdk import Sdk as LabelboxSdk
from tests.platforms.labelbox.sdk import is_installed as labelbox_is_installed
from tests.platforms.machines import until
from tests.platforms.pages import block, filled
from tests.support.paths import SHARED
from tests.support.shell import PLAIN_STATIC_FILES, PROGRAMS, Installation, new_installation

ADVICE: Final = "NOT RUN: the SDKs are not in .venv-platforms and .venv-labelbox; `make test-platforms` installs them"
NOT_READY: Final = "Export not ready yet."
SECONDS: Final = 300
_FIRST_JOB: Final = 'project.job.list()[0]["id"]'
BLOCKS: Final = [(key, one.key) for key, dialect in DIALECTS.items() for one in dialect.blocks]


@dataclass
class Site:
    """``job`` is a number of Diffgram's dialect; ``held`` is what Diffgram's SDK said while no worker was there."""

    installation: Installation
    address: str
    project: dict[str, Any]
    token: dict[str, Any]
    folder: Path
    job: int = 0
    held: str = ""
    labelbox_projects: list[str] = field(default_factory=list)
    slice_id: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: str, *arguments: str) -> None:
        with (self.installation.home / f"{command}.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [PROGRAMS / "exportadmin", command, *arguments],
                    env={**self.installation.environment, **PLAIN_STATIC_FILES},
                    cwd=self.installation.home,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    @cached_property
    def labelbox(self) -> LabelboxSdk:
        """The current release, in a process of its own."""
        return LabelboxSdk("7", self.folder)

    @property
    def labelbox_client(self) -> str:
        """The names that the page's lines take for granted."""
        base = f"{self.address}/dialects/labelbox"
        return (
            f"client = lb.Client(api_key={self.token['key']!r}, endpoint={base + '/graphql'!r},"
            f" rest_endpoint={base + '/api/v1'!r}, app_url={base!r})\n"
            f"project = client.get_project({self.labelbox_projects[0]!r})\n"
        )

    def answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.address}/healthz", timeout=10).ok
        return False

    def python(self, code: str) -> str:
        """What is wrong with lines for Diffgram's SDK: the last line of its traceback, empty where nothing is."""
        before = (
            "from diffgram import Project\n"
            f"project = Project(project_string_id={self.project['id']!r}, client_id={self.token['token_id']!r},"
            f" client_secret={self.token['key']!r}, host={self.address + '/dialects/diffgram'!r})\n"
            f"your_job_id = {self.job or _FIRST_JOB}\n"
        )
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)}
        command = ["timeout", str(SECONDS), PYTHON, "-c", before + code]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=self.folder, check=False)
        (self.folder / "printed").write_text(done.stdout)
        return done.stderr.strip().splitlines()[-1] if done.returncode else ""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Web alone at first, so that an export waits for as long as nobody starts a worker."""
    if not (SHARED / "pages").is_dir():
        pytest.skip("NOT RUN: ../shared is not beside this clone")
    if not PYTHON.exists() or not labelbox_is_installed():
        pytest.skip(ADVICE)
    home = tmp_path_factory.mktemp("pages")
    with new_installation(home) as installation, socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        held.close()
        installation.extra["DJANGO_SUPERUSER_PASSWORD"] = secrets.token_urlsafe(12)
        assert installation.run("load_demo").returncode == 0
        installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
        issued = installation.run("issue_token", "sue", "--scope", "admin", "--json")
        first = json.loads(installation.run("run_export", "Demo", "--format", "csv", "--json").stdout)
        folder = tmp_path_factory.mktemp("scripts")
        made = Site(installation, f"http://127.0.0.1:{port}", first["project"], json.loads(issued.stdout), folder)
        try:
            for name, path in rows.write(home).items():
                told = installation.run("import_rows", str(path), "--project", name, "--json").stdout
                made.labelbox_projects.append(json.loads(told)["project"]["id"])
            made.slice_id = installation.run("shell", "--no-imports", "-c", SLICE).stdout.strip()
            made.start("web", "--bind", f"127.0.0.1:{port}")
            until(made.answers, "web")
            assert made.python("print(your_job_id)\n") == ""
            made.job = int((folder / "printed").read_text())
            made.held = made.python(_JOB + _diffgram("not_waiting", made))
            made.start("worker")
            yield made
        finally:
            made.labelbox.close()
            for process in made.processes:
                process.terminate()
            for process in made.processes:
                process.wait(timeout=60)


# --- Diffgram --------------------------------------------------------------------------------------------------------

_JOB: Final = "job = project.job.get_by_id(id = your_job_id)\n"
_LAST: Final = "data = export.access_data("


def _diffgram(key: str, site: Site) -> str:
    match key:
        case "job":
            return block("003", "job = project.job.get_by_id(", "data = job.generate_export()")
        case "url":
            code = block("003", "your_job_id = 1", '\treturn_type = "url")')
            return filled(code, {"your_job_id = 1": f"your_job_id = {site.job}"})
        case "not_waiting":
            return block("003", "export = job.generate_export(", '    return_type = "url" )')
        case _:
            return block("003", "import time", _LAST, after="Access existing exports")


def run_diffgram(key: str, site: Site) -> str:
    """A block that asks at once was run before there was a worker; what it asked for is made by now."""
    code = _diffgram(key, site)
    if key != "not_waiting":
        return site.python(code)
    assert NOT_READY in site.held, site.held
    begin = code.index(_LAST)
    made = "import time\nexport = project.export.list()[0]\n"
    made += "while export.status == 'init':\n    time.sleep(0.5)\n    export = project.export.list()[0]\n"
    return site.python(f"{made}{code[begin:]}import requests\nassert requests.get(data).json()['export_info']\n")


# --- Label Studio ----------------------------------------------------------------------------------------------------


def run_label_studio(key: str, site: Site) -> str:
    headers = {"Authorization": f"Token {site.token['key']}"}
    base = f"{site.address}/dialects/label_studio/"
    projects = requests.get(f"{base}api/projects/", headers=headers, timeout=60).json()["results"]
    (number,) = (one["id"] for one in projects if one["title"] == "Demo")
    ran = run_page_script(LabelStudioSite(base, site.token["key"], number), site.folder, "CSV", timeout_s=SECONDS)
    return ran.output if ran.code else ""


# --- Labellerr -------------------------------------------------------------------------------------------------------

_LABELLERR: Final = {
    "local": ("Local Export Example", "Note: "),
    "s3": ("S3 Export Example", "Important Notes:"),
    "list": ("List All Exports Example", "Response Structure:"),
    "incremental": ("Incremental Export Example", "Example Usage - "),
    "incremental_s3": ("Incremental S3 Export Example", "Practical Use Cases:"),
    "conversions": ("Timestamp Conversion Examples:", "Check Export Status"),
    "status": ("Check Export Status Example", "Fetch Export Download URL"),
    "fetch": ("Fetch Download URL Example", "Export Management Features Summary"),
    "calculations": ("Common Timestamp Calculations", "no more"),
}


def run_labellerr(key: str, site: Site) -> str:
    title, end = _LABELLERR[key]
    code = block("000", "", end, after=title, ends_before=True)
    keys = {"your_api_key": site.token["token_id"], "your_api_secret": site.token["key"]}
    values = {there: here for there, here in keys.items() if there in code}
    if "your_project_id" in code:
        values["your_project_id"] = site.project["id"]
    before: dict[str, Any] = {}
    modules = _labellerr_modules(site)
    if key == "status":
        client = modules["labellerr.client"].LabellerrClient(*keys.values(), "any")
        project = modules["labellerr.core.projects"].LabellerrProject(client, site.project["id"])
        wanted = {"export_name": "One", "export_description": "", "export_format": "csv", "statuses": ["accepted"]}
        made = project.create_export(wanted).report_id
        values |= {"export_report_id_1": made, "export_report_id_2": made}
    if key == "incremental_s3":  # it takes the project of the block before for granted
        client = modules["labellerr.client"].LabellerrClient(*keys.values(), "any")
        before["project"] = modules["labellerr.core.projects"].LabellerrProject(client, site.project["id"])
    known = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    printed: list[str] = []
    before["print"] = lambda *what: printed.append(" ".join(map(str, what)))
    try:
        exec(compile(filled(code, values), title, "exec"), before)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        for name, module in known.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return next((line for line in printed if " failed: " in line or "Failed to " in line), "")


def _labellerr_modules(site: Site) -> dict[str, ModuleType]:
    """What the pages' lines import, of the current generation."""
    base = f"{site.address}/dialects/labellerr"

    class LabellerrClient:
        def __init__(self, api_key: str, api_secret: str, client_id: str) -> None:
            self.wire = labellerr.Client(base, api_key, api_secret, client_id, generation="C")

    class LabellerrProject:
        def __init__(self, client: LabellerrClient, project_id: str) -> None:
            self.project = labellerr.Project(client.wire, project_id)

        def create_export(self, params: dict[str, Any]) -> labellerr.Export:
            return self.project.create_export(**params)

        def list_exports(self) -> SimpleNamespace:
            completed, running = self.project.list_exports()
            return SimpleNamespace(completed=completed, in_progress=running)

        def check_export_status(self, report_ids: list[str]) -> Any:
            return self.project.check_export_status(report_ids)

    def aws_params(
        *, aws_access_key: str, aws_secrets_key: str, s3_path: str, data_type: str, name: str, **_: Any
    ) -> Any:
        return {"name": name, "path": s3_path}

    destination = SimpleNamespace(S3="s3", LOCAL="local")
    names: dict[str, dict[str, Any]] = {
        "labellerr": {},
        "labellerr.client": {"LabellerrClient": LabellerrClient},
        "labellerr.core": {},
        "labellerr.core.projects": {"LabellerrProject": LabellerrProject},
        "labellerr.core.connectors": {"LabellerrS3Connection": SimpleNamespace(create_connection=None)},
        "labellerr.core.schemas": {
            "CreateExportParams": dict,
            "AWSConnectionParams": aws_params,
            "ExportDestination": destination,
        },
        "labellerr.core.exceptions": {"LabellerrError": labellerr.LabellerrError},
    }
    made = {}
    for name, members in names.items():
        made[name] = ModuleType(name)
        made[name].__dict__.update(members)
    return made


# --- Labelbox --------------------------------------------------------------------------------------------------------

_DONE: Final = "export_task = project.export()\nexport_task.wait_till_done()\n"
_NAMED: Final = {
    "batch_id_1": "batch-0",
    "batch_id_2": "batch-1",
    "data_row_id_1": rows.row_id(0),
    "data_row_id_2": rows.row_id(4),
    "global_key_1": "key-000",
    "global_key_2": "key-004",
}
_ROWS_NAMED: Final = {key: value for key, value in _NAMED.items() if not key.startswith("batch")}
_FILTERS: Final = ("workflow_status", "batch_ids", "global_keys", "data_row_ids")


def run_labelbox(key: str, site: Site) -> str:
    """A section prints its rows, and how many they are: some are there."""
    before, code = _labelbox(key, site)
    done = site.labelbox.run(site.labelbox_client + before, code)
    if not done.error and "line count: " in code:
        assert int(done.lines[-1].removeprefix("line count:  ")) > 0, key
    return done.error


def _labelbox(key: str, site: Site) -> tuple[str, str]:
    """What goes before a block, and the block."""
    catalog = {
        "<project_id_1>": site.labelbox_projects[0],
        "<project_id_2>": site.labelbox_projects[1],
        "<model_run_id_1>": rows.RUN,
        "<model_run_id_2>": rows.RUN,
    }
    if key in _FILTERS:
        used = ""
        for number in ("001", "002"):
            line = page.line(f'filters = {{"{key}"', number).partition("}")[0] + "}"
            used += page.filled(line, {one: ours for one, ours in _NAMED.items() if f'"{one}"' in line})
            used += "\nexport_task = project.export(filters=filters)\nexport_task.wait_till_done()\n"
            used += "assert export_task.has_result()\n"
        return "", used
    match key:
        case "get_task":
            first = "export_task = lb.ExportTask.get_task(client, task_id)"
            code = page.block(first, "export_task.wait_till_done()", after="Creating an ExportTask instance")
            return f"{_DONE}task_id = export_task.uid\n", code
        case "checks":
            last = '  print("there are errors")'
            after = "Checking for results and errors"
            return _DONE, page.block("if not export_task.has_result():", last, after=after)
        case "stream":
            last = "        print(data_row.json)"
            return "", page.block("# Start export from project", last, after="Streaming results and errors")
        case "simplified":
            last = "  print(data_row.json)"
            return "", page.block("export_task = project.export()", last, after="Simplified Usage")
        case "offset" | "line":
            call = {"offset": "with_offset(25548)", "line": "with_line(348)"}[key]
            before = f"{_DONE}json_stream_handler = print\n"
            return before, page.line(f"export_task.get_buffered_stream().{call}")
        case "size":
            first = "total_size = export_task.get_total_file_size(lb.StreamType.RESULT)"
            last = "total_lines = export_task.get_total_lines(lb.StreamType.ERRORS)"
            return _DONE, page.block(first, last, after="Print output size")
        case "save":
            last = '    print("An error occurred. Check the log file for details.")'
            after = "Save export results and log errors"
            return "", page.block("    export_task = project.export()", last, after=after)
        case "project":
            return "", page.section("Export from a project", _NAMED)
        case "dataset":
            return "", page.section("Export from a dataset", {"<dataset_id>": rows.DATASET, **catalog})
        case "selected":
            before = f"dataset = client.get_dataset({rows.DATASET!r})\n"
            named = {**catalog, **_ROWS_NAMED}
            return before, page.section("Export a list of selected data rows from a dataset", named)
        case "slice":
            return "", page.section("Export from a slice", {"<slice_id>": site.slice_id, **catalog})
        case "catalog":
            return "", page.section("Export your entire Catalog", catalog)
        case _:
            return "", page.section("Export data rows from a model run", {"<model_run_id>": rows.RUN})


# --- all of them -----------------------------------------------------------------------------------------------------

RUNNERS: Final[dict[str, Callable[[str, Site], str]]] = {
    "diffgram": run_diffgram,
    "label_studio": run_label_studio,
    "labellerr": run_labellerr,
    "labelbox": run_labelbox,
}


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], str]]:
    """Printed when the last block has ended."""
    found: dict[tuple[str, str], str] = {}
    yield found
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write("\n" + "".join(_line(*key, error) for key, error in found.items()))


def _line(dialect: str, key: str, error: str) -> str:
    one = _block(dialect, key)
    return f"{DIALECTS[dialect].title:<14} {one.title:<46} {'cannot' if error else 'works':<8} {one.why}\n"


def _block(dialect: str, key: str) -> PageBlock:
    return next(one for one in DIALECTS[dialect].blocks if one.key == key)


@pytest.mark.parametrize(("dialect", "key"), BLOCKS)
def test_a_block_ends_as_the_help_says(dialect: str, key: str, site: Site, outcomes: dict[tuple[str, str], str]):
    one = _block(dialect, key)
    outcomes[dialect, key] = error = RUNNERS[dialect](key, site)
    if one.works:
        assert error == ""
    else:
        assert one.fails_with in error
