"""Proofs of deliveries in REST: asked for, followed, listed, cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from exportadmin.runs.execute import execute
from exports.models import Proof
from exports.run import proofs
from tests.rest.world import World, folder_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is small enough to be proved at once."""
    monkeypatch.setattr(proofs, "AT_ONCE_BYTES", -1)


def of(world: World) -> str:
    return f"reports/{world.own.done.report_id}/"


def test_a_small_one_is_answered_with_what_was_found(own_world: World):
    script = own_world.script("rita")
    answer = script.post(f"{of(own_world)}prove/", {"how": "attributes"})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["status"], told["result"], told["how"], told["bytes_done"]) == ("completed", "equal", "attributes", 0)
    assert (told["counts"]["equal"], told["problems"], told["is_nightly"]) == (2, [], False)
    assert told["created_by"] == "script of rita"
    assert answer.headers["Location"].endswith(f"/api/v1/proofs/{told['proof_id']}/")
    assert script.get(f"proofs/{told['proof_id']}/").json() == told
    assert script.get(of(own_world)).json()["proof"]["result"] == "equal"


def test_nothing_said_means_that_all_is_read(own_world: World):
    told = own_world.script("rita").post(f"{of(own_world)}prove/", {}).json()
    assert (told["how"], told["bytes_done"]) == ("full", own_world.own.artifact.bytes)


def test_a_large_one_is_queued_and_followed_to_its_end(own_world: World, queued: None):
    script = own_world.script("oscar")
    file = folder_of(own_world.own.done) / own_world.own.artifact.name
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    answer = script.post(f"{of(own_world)}prove/")
    assert (answer.status_code, answer.json()["status"], answer.json()["result"]) == (202, "queued", None)
    assert answer.json()["bytes_expected"] == own_world.own.artifact.bytes
    assert script.post(f"{of(own_world)}prove/").json()["proof_id"] == answer.json()["proof_id"]
    other = script.post(f"{of(own_world)}prove/", {"how": "attributes"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    execute("proof", Proof.objects.get(public_id=answer.json()["proof_id"]).pk)
    told = script.get(f"proofs/{answer.json()['proof_id']}/").json()
    assert (told["status"], told["result"], told["problems_total"]) == ("completed", "changed", 1)
    (problem,) = told["problems"]
    assert (problem["file"], problem["finding"]) == (own_world.own.artifact.name, "changed")
    assert script.get(of(own_world)).json()["altered"]["why"] == problem["message"]


def test_the_proofs_of_a_report_are_listed_newest_first(own_world: World):
    script = own_world.script("rita")
    made = [script.post(f"{of(own_world)}prove/", {"how": how}).json() for how in ("attributes", "sampled", "full")]
    listed: dict[str, Any] = script.get(f"{of(own_world)}proofs/", {"page_size": 2}).json()
    assert listed["results"] == made[:0:-1]
    assert script.client.get(listed["next"]).json()["results"] == made[:1]


def test_one_that_waits_is_cancelled_and_twice_is_no_error(own_world: World, queued: None):
    script = own_world.script("oscar")
    path = f"proofs/{script.post(f'{of(own_world)}prove/').json()['proof_id']}/cancel/"
    for _ in range(2):
        answer = script.post(path)
        assert (answer.status_code, answer.json()["status"], answer.json()["result"]) == (202, "cancelled", None)


def test_one_that_has_ended_cannot_be_cancelled(own_world: World):
    script = own_world.script("oscar")
    proof = script.post(f"{of(own_world)}prove/").json()["proof_id"]
    assert script.post(f"proofs/{proof}/cancel/").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"), [({"how": "by eye"}, "how"), ({"how": None}, "how"), ({"depth": 3}, "depth"), ([], None)]
)
def test_a_body_that_means_nothing_is_refused(own_world: World, body: Any, field: str | None):
    answer = own_world.script("oscar").post(f"{of(own_world)}prove/", body)
    assert answer.status_code == 400
    assert field is None or field in answer.content.decode()


def test_what_has_no_files_is_not_proved(own_world: World):
    waiting = own_world.own.waiting.report_id
    assert own_world.script("oscar").post(f"reports/{waiting}/prove/").status_code == 409
