"""A project of a platform of the tests, and exports that the platform makes itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from connections.connection_actions import create_connection
from connections.models import Connection, Project
from exportadmin.lib.actor import Actor
from exportadmin.runs import execute
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.connections.platforms import toy
from tests.support.diffgram_server import DiffgramServer, image
from tests.support.label_studio_server import LabelStudioServer, MadeTasks
from tests.support.labellerr_server import LabellerrServer, labelled_row

SHELL = Actor(kind="user", name="tester", channel="shell")


def row(number: int, status: str = "review", **more) -> dict:
    return {"file_id": f"f{number}", "file_name": f"{number}.jpg", "file_status": status, **more}


@pytest.fixture
def server():
    with toy.registered() as held:
        held.rows["one"] = [row(1), row(2), row(3, "accepted")]
        yield held


@pytest.fixture
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def mirrored(db, server, own_folders) -> Project:
    """Project ``one`` of the platform."""
    connection = Connection.objects.create(name="Toys", kind="toy", config={"base_address": "https://toy.example"})
    return Project.objects.create(connection=connection, name="Harbour", external_id="one")


@pytest.fixture
def ask(mirrored):
    """Request an export of the platform's own; it is queued."""

    def request(actor=SHELL, *, destination=None, name="", **wanted) -> ExportReport:
        body = {"platform_export": {"format": "json", **wanted}, "destination": destination}
        spec = ExportSpec.parse(body, mirrored)
        return actions.request_export(project=mirrored, spec=spec, actor=actor, name=name)

    return request


def step(report: ExportReport) -> ExportReport:
    """One turn of a worker, whatever it waits for."""
    ExportReport.objects.filter(pk=report.pk).update(not_before=None)
    execute.execute("export", report.pk)
    report.refresh_from_db()
    return report


def expire(report: ExportReport) -> None:
    """The process that had it is dead, and its lease ran out."""
    before = timezone.now() - timedelta(hours=1)
    ExportReport.objects.filter(pk=report.pk, status="running").update(lease_until=before)


def delivered(report: ExportReport) -> dict[str, bytes]:
    """The files at this installation, by name."""
    folder = django_settings.ARTIFACTS_DIR / report.location
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def far_side(labellerr_server: LabellerrServer) -> LabellerrServer:
    """Labellerr with project one: thirty rows, two of each status, every third with two polygons."""
    labellerr_server.serve("one", [{**labelled_row(n), "updated_at": 1000 * n} for n in range(30)])
    return labellerr_server


@pytest.fixture
def harbour(far_side: LabellerrServer, db, own_folders) -> Project:
    """Project ``one`` of Labellerr."""
    connection = create_connection(
        kind="labellerr", name="Labellerr", config=far_side.config, secrets=far_side.secrets, actor=SHELL
    )
    return Project.objects.create(connection=connection, name="Harbour", external_id="one")


@pytest.fixture
def ask_labellerr(harbour):
    """Request an export that Labellerr makes itself; it is queued."""

    def request(format="json", *, destination=None, **wanted) -> ExportReport:
        body = {"platform_export": {"format": format, **wanted}, "destination": destination}
        return actions.request_export(project=harbour, spec=ExportSpec.parse(body, harbour), actor=SHELL)

    return request


def to_the_end(report: ExportReport, *, turns: int = 12) -> ExportReport:
    """Turns of a worker, without the time between them."""
    for _ in range(turns):
        if step(report).status != "queued":
            return report
    raise AssertionError(f"still {report.status}: {report.error}")


@pytest.fixture
def studio_side(label_studio_server: LabelStudioServer) -> LabelStudioServer:
    """Label Studio with project 1: thirty tasks, two of three with a region."""
    label_studio_server.serve(1, MadeTasks(30), title="Harbour")
    return label_studio_server


@pytest.fixture
def quay(studio_side: LabelStudioServer, db, own_folders) -> Project:
    """Project 1 of Label Studio."""
    connection = create_connection(
        kind="label_studio", name="Studio", config=studio_side.config, secrets=studio_side.secrets, actor=SHELL
    )
    return Project.objects.create(connection=connection, name="Quay", external_id="1")


@pytest.fixture
def ask_label_studio(quay):
    """Request an export that Label Studio makes itself; it is queued."""

    def request(format="JSON", **wanted) -> ExportReport:
        body = {"platform_export": {"format": format, **wanted}}
        return actions.request_export(project=quay, spec=ExportSpec.parse(body, quay), actor=SHELL)

    return request


@pytest.fixture
def diffgram_side(diffgram_server: DiffgramServer) -> DiffgramServer:
    """Diffgram with job 42 of thirty files, two of three complete."""
    diffgram_server.serve({number: image(number, complete=number % 3 != 1) for number in range(30)})
    return diffgram_server


@pytest.fixture
def orchard(diffgram_side: DiffgramServer, db, own_folders) -> Project:
    """Job 42 of Diffgram."""
    connection = create_connection(
        kind="diffgram", name="Diffgram", config=diffgram_side.config, secrets=diffgram_side.secrets, actor=SHELL
    )
    return Project.objects.create(connection=connection, name="Orchard", external_id="job:42")


@pytest.fixture
def ask_diffgram(orchard):
    """Request an export that Diffgram makes itself; it is queued."""

    def request(**wanted) -> ExportReport:
        body = {"platform_export": {"format": "json", **wanted} if "remote_id" not in wanted else wanted}
        return actions.request_export(project=orchard, spec=ExportSpec.parse(body, orchard), actor=SHELL)

    return request
