"""Every event as a sentence, whatever its outcome, whatever its names."""

from __future__ import annotations

import re

import pytest

from exportadmin.audit.events import EVENTS, keys_under
from exportadmin.audit.models import OUTCOMES, AuditEntry
from exportadmin.audit.sentences import sentence


def entry(event, outcome="done", *, details="{}", **fields):
    return AuditEntry(
        event=event, outcome=outcome, details_json=details, **{"actor_kind": "user", "actor_name": "alice", **fields}
    )


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            entry("export.requested", object_name="Nightly", project_name="Litter"),
            "alice requested export Nightly of project Litter",
        ),
        (entry("export.requested", object_name="Nightly"), "alice requested export Nightly"),
        (
            entry("export.requested", "refused", object_name="Nightly", reason="no right to run"),
            "alice tried to request export Nightly: refused, no right to run",
        ),
        (
            entry("export.failed", "failed", object_name="Nightly", project_name="Litter", reason="disk full"),
            "Export Nightly of project Litter failed: disk full",
        ),
        (entry("export.failed", "failed", object_id="r1"), "Export r1 failed"),
        (entry("link.refused", "refused", reason="expired"), "A link was refused: expired"),
        (
            entry("sign_in.refused", "refused", reason="wrong password"),
            "A sign-in as alice was refused: wrong password",
        ),
        (
            entry("export.verified", "failed", object_name="N", reason="one byte changed"),
            "alice tried to verify export N: failed, one byte changed",
        ),
        (
            entry("membership.granted", object_name="bob", project_name="Litter", details='{"role":"operator"}'),
            "alice gave bob the role operator in project Litter",
        ),
        (
            entry("export.started", actor_kind="system", actor_name="system", object_name="N", details='{"attempt":2}'),
            "Export Admin started export N, attempt 2",
        ),
        (
            entry("export.requested", actor_kind="schedule", actor_name="Nightly", object_name="N"),
            "schedule Nightly requested export N",
        ),
        (entry("token.issued", actor_kind="token", actor_name="ci of bob"), "token ci of bob issued token (unnamed)"),
        (entry("export.cancelled", object_name="N", reason="asked by bob"), "alice cancelled export N (asked by bob)"),
        (entry("gone.event", object_name="N"), "alice: gone.event N"),
    ],
)
def test_it_reads_well(made, text):
    assert sentence(made) == text


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("names", [{}, {"object_name": "N", "project_name": "P", "reason": "because"}])
def test_every_event_has_a_whole_sentence_for_every_outcome(event, outcome, names):
    text = sentence(entry(event, outcome, **names))
    assert re.fullmatch(r"[^\[\]{}<>|]+", text) and "  " not in text and text == text.strip()
    assert outcome == "done" or "refused" in text or "failed" in text or "stopped" in text


@pytest.mark.parametrize("name", ["{project}", "<b>{actor}</b>", "[a|b]", "{0}", "%s", "\\1", "\\g<0>"])
def test_a_name_is_text_and_never_a_template(name):
    assert (
        sentence(entry("export.requested", object_name=name, project_name="P"))
        == f"alice requested export {name} of project P"
    )


def test_a_name_cannot_turn_the_sentence_around():
    assert "\u202e" not in sentence(entry("export.requested", object_name="a\u202eb\u2028c"))


def test_event_keys_are_dotted_words():
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", key) for key in EVENTS)


def test_a_prefix_stops_at_the_dot():
    assert keys_under("export") == keys_under("export.") == [key for key in EVENTS if key.startswith("export.")]
    assert keys_under("export.requested") == ["export.requested"]
    assert keys_under("expor") == keys_under("") == []
