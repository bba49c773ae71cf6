"""What the help says beyond the tables of the code: a line for each entry of a table; tests hold the two together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from connections.access.roles import AUDIT, DOWNLOAD, LINK, MANAGE, START, VIEW

# the zone in which the help's times without an offset are read
ZONE: Final = "Europe/Berlin"
# each of the written forms of a time (exportadmin.lib.times)
TIME_FORMS: Final[tuple[tuple[str, Any], ...]] = (
    ("Milliseconds since 1970, in UTC", 1767258000000),
    ("A day: its first moment, in the project's time zone", "2026-01-01"),
    ("Day and time, in the project's time zone", "2026-01-01 09:30:00"),
    ("ISO 8601; with an offset it is the same moment everywhere", "2026-01-01T09:30:00+02:00"),
)
# check value → what it counts
CHECK_VALUE_TEXTS: Final[dict[str, str]] = {
    "rows_read": "rows that the source gave: those kept, dropped and refused, together",
    "rows_kept": "rows in the file",
    "rows_dropped": "rows left out, by the condition of the filter that they failed first",
    "rows_refused": "rows that the format cannot hold, by code; each is a line of the file that ends in .errors.ndjson",
    "rows_by_status": "rows in the file by review status; they add up to rows kept",
    "rows_by_media_type": "the same by medium (image, video, text …); unknown: nothing says what they are",
    "annotations": "annotations in the file",
    "annotations_by_class": "the same by class or question; they add up to annotations",
    "annotations_by_kind": "the same by kind; they add up to annotations",
    "left_out_by_format": "what this format cannot hold of the kept rows: annotations by kind, and by their own names "
    "unlabelled, further_labels, region_answers, relationships, predictions and drafts; and annotations of labels that "
    "the choice of labels leaves out, by reason, also of rows that are dropped for it",
    "labels": "the choice of labels; rows that have several, how many are in those, and rows that leave with "
    "several; labels left out, by reason",
    "interpolated_frames": "where frames between key frames of videos were computed: rows, annotations, and tracks "
    "of which frames are missing (masks, outlines whose number of points changes, tracks without segments or with some "
    "that are none, more than 100,000 frames of a label, marks of one id that cannot be told apart)",
    "notes": "what readers of the file should know, counted: COCO's images_without_size",
    "files": "files delivered, the manifest not counted",
    "bytes": "their sizes, added up",
}
# verb of connections.access.roles → what it allows
VERB_TEXTS: Final[dict[str, str]] = {
    VIEW: "see the project, its exports and figures; verify a delivery",
    DOWNLOAD: "download files",
    LINK: "issue and revoke links",
    START: "request, cancel and retry exports; save configs",
    AUDIT: "read the trail",
    MANAGE: "members, settings, imports; remove files and rows",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the quick start: what it does, and the lines to type."""

    title: str
    text: str
    lines: str


def quick_start(api: str, project_id: str, user_name: str) -> tuple[Step, ...]:
    """REST from the token to the verified file, for ``sh`` with curl, python3 and sha256sum.

    ``api`` is the address of REST without a slash at its end; ``user_name`` is quoted for the shell already.
    """
    places = ('["report_id"]', '[0]["artifact_id"]', '[0]["sha256"]')
    report_id, artifact_id, sha256 = (_pick(place) for place in places)
    call = 'curl -fsS -H "$AUTH"'
    ask = f"""{call} -H "$JSON" -d "$ASKED\""""
    return (
        Step(
            "Make a token",
            "On your account page, or in a shell of the installation. It acts for you, within its scopes.",
            f"KEY=$(exportadmin issue_token {user_name} --scope exports:run --scope exports:read)",
        ),
        Step(
            "Plan",
            "Counts, sizes and what would stop it. Nothing is run.",
            f"API={api}\n"
            'AUTH="Authorization: Bearer $KEY"\n'
            "JSON='Content-Type: application/json'\n"
            f"""ASKED='{{"project": "{project_id}", "format": "ndjson"}}'\n"""
            f'{ask} "$API/reports/plan/"',
        ),
        Step(
            "Request the export",
            "The same key with the same request gives the same export, however often it is sent.",
            f"REPORT=$({ask} -H 'Idempotency-Key: first-try' \"$API/reports/\" \\\n  | {report_id})",
        ),
        Step(
            "Wait for its end",
            "Answers when it has ended, or after a while: look at status, and ask again while it is queued or running."
            " Where many wait it answers at once, and Retry-After says when to ask again.",
            f'{call} "$API/reports/$REPORT/wait/"',
        ),
        Step(
            "Download",
            "A download that breaks off can be continued: add -C - to the last line.",
            f'FILES=$({call} "$API/reports/$REPORT/artifacts/")\n'
            f'ARTIFACT=$(echo "$FILES" | {artifact_id})\n'
            f'{call} -o export.ndjson "$API/artifacts/$ARTIFACT/download/"',
        ),
        Step(
            "Verify",
            "First what arrived here, then what is kept there: its check values are taken again.",
            f'SHA256=$(echo "$FILES" | {sha256})\n'
            'echo "$SHA256  export.ndjson" | sha256sum -c\n'
            f'{call} -X POST "$API/reports/$REPORT/verify/"',
        ),
    )


def _pick(place: str) -> str:
    return f"python3 -c 'import json, sys; print(json.load(sys.stdin){place})'"
