"""A trail that was restored from a backup is told until somebody accepts it, and from then on it says so for ever."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from exportadmin.audit import chain, triggers
from exportadmin.audit.checkpoints import form
from exportadmin.audit.checkpoints.accepting import accept
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.file import lines
from exportadmin.audit.checkpoints.form import parse
from exportadmin.audit.checkpoints.taking import take
from exportadmin.audit.models import AuditEntry, CheckpointSeries
from exportadmin.lib.errors import ConflictError, UserError
from tests.exportadmin.audit.support import ALICE, fill, head, set_head, sql, stored

pytestmark = pytest.mark.django_db
WHY = "restored from the backup of Monday"


@pytest.fixture
def restored():
    """30 entries of which 20 are left: the database is that of a backup, the file of checkpoints is not."""
    for _ in range(2):
        fill(10)
        take(form.INTERVAL)
    older = CheckpointSeries.objects.get()
    fill(10)
    take(form.INTERVAL)
    with triggers.lifted(connection):
        sql("DELETE FROM {entry} WHERE sequence > 20")
        set_head(20, stored(20)["hash"])
    older.save()


def written():
    return [parse(raw) for raw in lines(settings.CHECKPOINTS_FILE)]


def test_it_is_rolled_back_until_somebody_accepts_it(restored):
    assert (verify_here(everywhere=True).kind, verify_here(everywhere=True).sequence) == ("rolled back", 21)
    before, one = accept(WHY, ALICE)
    assert (before.kind, one.cause, one.number, one.sequence) == ("rolled back", "accepted", 4, 20)
    entry = AuditEntry.objects.order_by("-sequence").first()
    assert entry is not None
    assert (entry.event, entry.actor_name, entry.reason, entry.details["sequence"]) == (
        "audit.accepted", "alice", WHY, 21,
    )  # fmt: skip
    after = verify_here(everywhere=True)
    assert after.unbroken
    assert len(after.notes) == 1
    assert "From entry 21 on the trail is not the one that was witnessed before" in after.notes[0]
    assert "(rolled back): alice accepted that then, for: restored from the backup of Monday." in after.notes[0]


def test_every_checkpoint_after_it_names_the_break(restored):
    accept(WHY, ALICE)
    fill(3)
    take(form.INTERVAL)
    *_, accepted, following, last = written()
    assert [each.why for one in (accepted, following, last) for each in one.breaks] == [WHY] * 3
    assert (last.breaks[0].sequence, last.breaks[0].kind, last.breaks[0].by) == (21, "rolled back", "alice")


def test_what_was_not_accepted_is_found_as_before(restored):
    accept(WHY, ALICE)
    fill(10)
    take(form.INTERVAL)
    with triggers.lifted(connection):
        for first, kind in ((5, "rewritten"), (25, "rewritten")):
            kept = {sequence: stored(sequence) for sequence in range(first, head()[0] + 1)}
            previous = stored(first)["previous_hash"]
            for sequence in kept:
                row = {**stored(sequence), "previous_hash": previous}
                row["actor_name"] = "mallory" if sequence == first else row["actor_name"]
                previous = chain.digest(row)
                sql(
                    "UPDATE {entry} SET actor_name = %s, previous_hash = %s, hash = %s WHERE sequence = %s",
                    row["actor_name"], row["previous_hash"], previous, sequence,
                )  # fmt: skip
            set_head(head()[0], previous)
            verdict = verify_here(everywhere=True)
            assert (verdict.kind, verdict.sequence) == (kind, first)
            for sequence, row in kept.items():
                sql(
                    "UPDATE {entry} SET actor_name = %s, previous_hash = %s, hash = %s WHERE sequence = %s",
                    row["actor_name"], row["previous_hash"], row["hash"], sequence,
                )  # fmt: skip
            set_head(head()[0], kept[head()[0]]["hash"])
            assert verify_here(everywhere=True).unbroken
        sql("DELETE FROM {entry} WHERE sequence > 26")
        set_head(26, stored(26)["hash"])
    assert (verify_here(everywhere=True).kind, verify_here(everywhere=True).sequence) == ("truncated", 27)


def test_a_file_that_was_lost_is_begun_anew_and_says_so(restored):
    accept(WHY, ALICE)
    settings.CHECKPOINTS_FILE.unlink()
    assert verify_here(everywhere=True).kind == "checkpoints gone"
    accept("the disk was replaced", ALICE)
    after = verify_here(everywhere=True)
    assert after.unbroken and len(after.notes) == 2
    numbers = [one.number for one in written()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] > 4
    # the new file witnesses all entries again
    assert "".join(one.tags for one in written()) == "".join(
        row["hash"][:8] for row in AuditEntry.objects.order_by("sequence").values("hash")
    )


def test_lines_that_were_changed_are_accepted_as_they_are_then_and_not_changed_again(restored):
    accept(WHY, ALICE)
    path = settings.CHECKPOINTS_FILE
    kept = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(kept[:1] + kept[2:]))
    assert verify_here(everywhere=True).kind == "checkpoints altered"
    accept("somebody edited it", ALICE)
    assert verify_here(everywhere=True).unbroken
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    verdict = verify_here(everywhere=True)
    assert verdict.kind == "checkpoints altered"
    assert "are not what was accepted there" in " ".join(verdict.notes)


def test_nothing_is_accepted_where_nothing_is_wrong_or_the_trail_contradicts_itself():
    fill(10)
    take(form.INTERVAL)
    with pytest.raises(ConflictError, match="there is nothing to accept: 10 entries, unbroken"):
        accept(WHY, ALICE)
    with triggers.lifted(connection):
        sql("UPDATE {entry} SET actor_name = 'mallory' WHERE sequence = 4")
    with pytest.raises(ConflictError, match=r"broken at entry 4 \(altered\).* no one can accept that"):
        accept(WHY, ALICE)
    assert head()[0] == 10


@pytest.mark.parametrize("why", ["", " ", "x" * 501])
def test_it_takes_a_reason(restored, why):
    with pytest.raises(UserError, match="say why"):
        accept(why, ALICE)
    assert len(written()) == 3


def test_the_command_says_what_was_accepted_and_how_the_trail_stands(restored, capsys):
    call_command("accept_trail", "--why", WHY)
    said = capsys.readouterr().out
    assert "accepted: the audit trail is broken at entry 21 (rolled back)" in said
    assert "note: From entry 21 on" in said
    assert "21 entries, unbroken since" in said
    with pytest.raises(CommandError, match="there is nothing to accept"):
        call_command("accept_trail", "--why", WHY)
