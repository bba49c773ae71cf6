"""The test of a Label Studio connection, step by step: all that a mirror and an export need, and nothing is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from connections.adapters import FAILED, PASSED, SKIPPED, Step, Steps
from connections.models import Connection
from connections.platforms.fields import ADDRESS_ADVICE
from connections.platforms.label_studio.client import Client, RefusedError
from exportadmin.lib.errors import ExportAdminError, TransientError

TITLES: Final[Mapping[str, str]] = {
    "reach": "Reach Label Studio",
    "version": "Read its version",
    "sign_in": "Sign in",
    "projects": "List the projects",
    "exports": "List a project's snapshots",
    "formats": "List a project's formats",
}
_STEPS: Final = Steps(TITLES)
_step: Final = _STEPS.ended
_MOST_COUNTED: Final = 1_000
_RENEW: Final = "Make a token in Label Studio (Account & Settings), and set it here."
_ROLE: Final = "Have the token's user given a role that may see and export projects."


def run(connection: Connection) -> Iterator[Step]:
    """A step as it ends. Raises nothing that is Label Studio's or the connection's."""
    try:
        client = Client(connection)
    except ExportAdminError as error:
        yield from _STEPS.without_secrets(error, "Give the connection a token that can be had.", at="sign_in")
        return
    yield from _STEPS.up_to_a_failure(_tried(client))


def _tried(client: Client) -> Iterator[Step]:
    told = None
    try:
        told = client.version()
    except RefusedError as error:
        if error.status not in (401, 403):
            # there is somebody, but nothing at that path
            yield _step("reach", FAILED, str(error), ADDRESS_ADVICE)
            return
    except ExportAdminError as error:
        later = "Try again later. " if isinstance(error, TransientError) else ""
        yield _step("reach", FAILED, str(error), f"{later}{ADDRESS_ADVICE}")
        return
    yield _step("reach", PASSED, f"{client.place} answers")
    yield _version(client, told)
    if told is not None and not isinstance(told.get("release"), str):
        return
    try:
        projects = client.projects()
        first = list(islice(projects, _MOST_COUNTED))
    except RefusedError as error:
        yield _step("sign_in", FAILED, str(error), _RENEW if error.status == 401 else _ROLE)
        return
    except ExportAdminError as error:
        yield _step("sign_in", FAILED, str(error), f"Try again later. {ADDRESS_ADVICE}")
        return
    sort = "legacy token" if client.has_legacy_token else "personal access token"
    yield _step("sign_in", PASSED, f"the {sort} is taken")
    ids = [str(one["id"]) for one in first if isinstance(one.get("id"), int)]
    more = "more than " if len(first) == _MOST_COUNTED else ""
    yield _step("projects", PASSED, f"{more}{len(ids):,} project{'' if len(ids) == 1 else 's'}")
    if not ids:
        for key in ("exports", "formats"):
            yield _step(key, SKIPPED, "there is no project to ask about")
        return
    yield from _project(client, ids[0])


def _version(client: Client, told: Mapping[str, Any] | None) -> Step:
    if told is None:
        return _step("version", SKIPPED, "it is told to nobody there")
    release, edition = told.get("release"), told.get("edition")
    if not isinstance(release, str):
        return _step("version", FAILED, f"{client.place} does not say which Label Studio it is", ADDRESS_ADVICE)
    named = f" {edition[:40]}" if isinstance(edition, str) else ""
    return _step("version", PASSED, f"Label Studio {release[:40]}{named}")


def _project(client: Client, project_id: str) -> Iterator[Step]:
    try:
        listed = client.exports(project_id)
    except ExportAdminError as error:
        yield _step("exports", FAILED, str(error), _ROLE)
        return
    yield _step("exports", PASSED, f"{len(listed):,} of project {project_id}")
    try:
        names = [str(one.get("name")) for one in client.formats(project_id) if not one.get("disabled")]
    except ExportAdminError as error:
        yield _step("formats", FAILED, str(error), _ROLE)
        return
    yield _step("formats", PASSED, f"{len(names):,} of project {project_id}: {', '.join(names)[:200]}")
