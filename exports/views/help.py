"""Help inside. Whatever a table of the code knows is shown from that table."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from connections.access.permissions import START, projects_for
from connections.access.roles import ROLES, SCOPES
from connections.kinds import connection_kinds
from connections.rows.batch import ALL_PARTS
from connections.rows.body import PART_KEYS
from connections.rows.csv import COLUMNS
from connections.rows.kinds import KINDS
from connections.rows.review_statuses import REVIEW_STATUSES, WORKFLOW_GROUPS
from connections.sinks import SINKS
from connections.store.importers import IMPORTERS
from connections.store.importers.forms import BECOMES
from exportadmin.lib.pages import get_view, only
from exportadmin.lib.signing import known_keys
from exportadmin.lib.times import iso_utc, parse_ms
from exports.dialects import DIALECTS
from exports.display.report_states import REPORT_STATES
from exports.formats import FORMATS
from exports.formats.png import RULES
from exports.help import texts
from exports.help.samples import check_values as sample_values
from exports.help.samples import samples
from exports.links import states
from exports.models.proof import HOW
from exports.spec.conditions import CONDITIONS, SinceRevision, Statuses, UpdatedAfter, WorkflowStatus
from exports.spec.labels import DEFAULT, LABEL_CHOICES, written_choices
from exports.spec.parts import PART_LABELS

# address → (title, what is there)
PAGES: Final[dict[str, tuple[str, str]]] = {
    "help:formats": ("Formats", "What each is for, its options, and a real sample of each."),
    "help:files": ("Files that come in", "What is read of Label Studio and COCO, what is carried, what is refused."),
    "help:filters": (
        "Filters, labels and times",
        "Which rows an export takes, which labels of them, and how to write a time.",
    ),
    "help:connections": ("Connections", "How buckets are reached, what each kind needs, and who may use it."),
    "help:statuses": ("Review statuses", "Where a row stands in labelling, and the workflow groups."),
    "help:check-values": ("Check values", "What is counted, and how to take it again."),
    "help:roles": ("Roles and tokens", "Who may do what, and what a token's scopes allow."),
    "help:rest": ("REST quick start", "From a token to a verified file, in lines to copy."),
    "help:sdk": ("Your platform's SDK", "Scripts made for a labelling platform, pointed at this installation."),
}


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    only(request, ())
    address = f"help:{name}"
    pages = [(reverse(each), title, text, each == address) for each, (title, text) in PAGES.items()]
    title = PAGES[address][0] if address in PAGES else "Help"
    return render(request, f"help/{name}.html", {"section": "help", "title": title, "pages": pages, **context})


@get_view
def index(request: HttpRequest) -> HttpResponse:
    """What there is help on."""
    return _page(request, "index", {})


@get_view
def formats(request: HttpRequest) -> HttpResponse:
    """The formats with samples, the parts of a row, and where files can go."""
    known = [
        {
            # not the class itself: templates call what can be called
            "key": key,
            "title": writer.title,
            "help": writer.help,
            "extension": writer.extension,
            "media_type": writer.media_type,
            "options": writer.options,
            "kinds": [kind.key for kind in writer.supported_kinds()],
            "holds_all": len(writer.supported_kinds()) == len(KINDS),
            "refusals": writer.refusals.items(),
            "samples": samples(key),
        }
        for key, writer in FORMATS.items()
    ]
    parts = [(part, PART_KEYS.get(part, part), PART_LABELS[part][1]) for part in ALL_PARTS]
    context = {"formats": known, "kinds": list(KINDS.values()), "parts": parts, "columns": COLUMNS}
    sinks = [(key, sink.title, sink.help, sink.needs_connection, sink.fields) for key, sink in SINKS.items()]
    return _page(request, "formats", {**context, "png_rules": RULES.items(), "sinks": sinks})


@get_view
def files(request: HttpRequest) -> HttpResponse:
    """What the importers make of what files say in the wild, by kind of annotation."""
    found = [(form, importer.title) for importer in IMPORTERS.values() for form in importer.forms()]
    kinds = [kind.title for kind in KINDS.values()]
    subjects = [*kinds, *dict.fromkeys(form.title for form, _ in found if form.title not in kinds)]
    order = list(BECOMES)
    found.sort(key=lambda each: (subjects.index(each[0].title), order.index(each[0].becomes)))
    importers = [(key, importer.title) for key, importer in IMPORTERS.items()]
    return _page(request, "files", {"forms": found, "becomes": BECOMES.items(), "importers": importers})


@get_view
def filters(request: HttpRequest) -> HttpResponse:
    """The conditions, and the written forms of a time with what they mean."""
    conditions = [(key, each.sentence, json.dumps({key: each.example})) for key, each in CONDITIONS.items()]
    times = [
        (text, json.dumps(value), iso_utc(parse_ms(value, time_zone=texts.ZONE))) for text, value in texts.TIME_FORMS
    ]
    together = json.dumps({each.key: each.example for each in (SinceRevision, Statuses, UpdatedAfter)})
    context = {
        "conditions": conditions,
        "times": times,
        "zone": texts.ZONE,
        "together": together,
        "since": SinceRevision.key,
        "labels": [(text, LABEL_CHOICES[text.partition(":")[0]].help) for text in written_choices()],
        "default_labels": DEFAULT.text,
    }
    return _page(request, "filters", context)


@get_view
def connections(request: HttpRequest) -> HttpResponse:
    """What each kind of connection declares."""
    kinds = [
        (
            key,
            {
                # not the class itself: templates call what can be called
                "title": kind.title,
                "help": kind.help,
                "fields": kind.connection_fields,
                "secrets": kind.connection_secrets,
                "settings": SINKS[key].fields if key in SINKS else (),
            },
        )
        for key, kind in connection_kinds().items()
    ]
    return _page(request, "connections", {"kinds": kinds})


@get_view
def review_statuses(request: HttpRequest) -> HttpResponse:
    """The vocabulary by workflow group, and the states of exports and links."""
    groups = [(group, [status for status, its in REVIEW_STATUSES.items() if its == group]) for group in WORKFLOW_GROUPS]
    keys = {"status": Statuses.key, "group": WorkflowStatus.key}
    context = {"keys": keys, "groups": groups, "reports": REPORT_STATES.values(), "links": states.LABELS.values()}
    return _page(request, "statuses", context)


@get_view
def check_values(request: HttpRequest) -> HttpResponse:
    """What is counted, with figures of the sample rows."""
    figures = [(key, texts.CHECK_VALUE_TEXTS[key], json.dumps(value)) for key, value in sample_values().items()]
    context = {"figures": figures, "keys": known_keys(), "ways": [*HOW.values()], "proof_at": settings.PROOF_AT}
    return _page(request, "check-values", context)


@get_view
def roles(request: HttpRequest) -> HttpResponse:
    """Roles and scopes by what they allow."""
    tables = [("Roles", "role", _allowed(ROLES)), ("Scopes of tokens", "scope", _allowed(SCOPES))]
    return _page(request, "roles", {"tables": tables})


def _allowed(table: Mapping[str, tuple[frozenset[str], str]]) -> list[tuple[str, str, list[str]]]:
    """``(name, sentence, what it allows)``."""
    verbs = texts.VERB_TEXTS.items()
    return [(name, text, [each for verb, each in verbs if verb in allowed]) for name, (allowed, text) in table.items()]


@get_view
def rest(request: HttpRequest) -> HttpResponse:
    """Lines to copy, with this installation's address and one of the reader's own projects."""
    project = projects_for(request.user, START).order_by("name").values_list("public_id", "name").first()
    api = request.build_absolute_uri("/api/v1")
    project_id, project_name = project or ("PROJECT_ID", "")
    steps = texts.quick_start(api, project_id, shlex.quote(request.user.get_username()))
    return _page(request, "rest", {"steps": steps, "api": api, "project_id": project_id, "project_name": project_name})


@get_view
def sdk(request: HttpRequest) -> HttpResponse:
    """How other platforms' clients are pointed at us, with one of the reader's own projects."""
    project = projects_for(request.user, START).order_by("name").first()
    site, named = request.build_absolute_uri("/").rstrip("/"), (project.public_id, project.pk) if project else ()
    dialects = [
        {
            "key": key,
            "title": dialect.title,
            "keys": dialect.keys,
            "scopes": dialect.scopes,
            "scripts": dialect.lines(site, *named),
            "differences": dialect.differences,
            "blocks": dialect.blocks,
        }
        for key, dialect in DIALECTS.items()
    ]
    return _page(request, "sdk", {"dialects": dialects, "project": project})
