"""The test of a Diffgram connection, step by step: all that a mirror and an export need, and nothing is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from connections.adapters import FAILED, PASSED, Step, Steps
from connections.models import Connection
from connections.platforms.diffgram.client import Client, RefusedError
from connections.platforms.fields import ADDRESS_ADVICE
from connections.platforms.sent_once import UnreadableError
from exportadmin.lib.errors import ExportAdminError, TransientError

TITLES: Final[Mapping[str, str]] = {
    "reach": "Reach Diffgram",
    "sign_in": "Sign in",
    "role": "Find out the key's role",
    "jobs": "List the jobs",
    "directories": "List the directories",
}
_STEPS: Final = Steps(TITLES)
_step: Final = _STEPS.ended
_KEYS: Final = (
    "Check project_string_id, client id and client secret in Diffgram (a key is of one project); set them anew."
)
_MOST_COUNTED: Final = 500


def run(connection: Connection) -> Iterator[Step]:
    """A step as it ends. Raises nothing that is Diffgram's or the connection's."""
    try:
        client = Client(connection)
    except ExportAdminError as error:
        yield from _STEPS.without_secrets(error, "Give the connection a secret that can be had.", at="sign_in")
        return
    yield from _STEPS.up_to_a_failure(_tried(client))


def _tried(client: Client) -> Iterator[Step]:
    try:
        with client.exports() as listed:
            exports = sum(1 for _ in listed)
    except RefusedError as error:
        if error.status not in (401, 403):
            # there is somebody, but nothing at that path
            yield _step("reach", FAILED, str(error), ADDRESS_ADVICE)
            return
        yield _step("reach", PASSED, f"{client.place} answers")
        yield _step("sign_in", FAILED, str(error), _KEYS)
        return
    except ExportAdminError as error:
        is_late = isinstance(error, TransientError) and not isinstance(error, UnreadableError)
        yield _step("reach", FAILED, str(error), f"{'Try again later. ' if is_late else ''}{ADDRESS_ADVICE}")
        return
    yield _step("reach", PASSED, f"{client.place} answers")
    yield _step("sign_in", PASSED, f"the key is taken; the project lists {_count(exports, 'export')}")
    yield _role(client)
    try:
        jobs = len(list(islice(client.jobs(), _MOST_COUNTED)))
    except ExportAdminError as error:
        yield _step("jobs", FAILED, str(error), _KEYS)
        return
    more = "at least " if jobs == _MOST_COUNTED else ""
    yield _step("jobs", PASSED, f"{more}{_count(jobs, 'job')}")
    try:
        directories = len(client.directories())
    except ExportAdminError as error:
        yield _step("directories", FAILED, str(error), _KEYS)
        return
    more = "at least " if "directories" in client.cut else ""
    yield _step("directories", PASSED, f"{more}{_count(directories, 'directory', 'directories')}")


def _role(client: Client) -> Step:
    try:
        may = client.may_make_exports()
    except ExportAdminError as error:
        return _step("role", FAILED, str(error), "Try again later; else look into the key's role in Diffgram.")
    if may:
        return _step("role", PASSED, "admin or Editor: exports are made, looked at and fetched")
    return _step(
        "role",
        PASSED,
        "Viewer: exports that others made are listed and fetched; Diffgram lets it make none",
        "For mirrors and exports of your own, make a key of role Editor or admin in Diffgram, and set it here.",
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
