"""What another client did to a delivery in a bucket is found, by attributes as far as these tell, else by reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connections.models import Connection
from connections.s3 import client
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import delivery_actions
from exports.models import ExportReport, Proof
from exports.models.proof import ATTRIBUTES, CHANGED, EQUAL, EXTRA, FULL, GONE, HOW, SAMPLED, UNPROVEN
from exports.run import proofs
from tests.support import seaweed

USER = Actor(kind="user", name="tester", channel="shell")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def report(saved_s3_connection: Connection, s3_folder: str, home: Any, deliver: Callable[..., ExportReport]):
    destination = {"kind": "s3", "connection": saved_s3_connection.public_id, "folder": f"s3://{s3_folder}out/"}
    done = deliver(destination)
    assert done.status == statuses.COMPLETED, done.error
    return done


class Objects:
    """The delivery's objects, past everything of ours."""

    def __init__(self, store: seaweed.Store, report: ExportReport) -> None:
        self.client = store.client()
        self.bucket, _, path = report.location.partition("/")
        self.prefix = f"{path}/"
        self.name = report.artifacts.get().name

    def get(self, name: str = "") -> dict[str, Any]:
        return dict(self.client.get_object(Bucket=self.bucket, Key=self.prefix + (name or self.name)))

    def put(self, body: bytes, name: str = "", **more: Any) -> None:
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + (name or self.name), Body=body, **more)

    def delete(self, name: str = "") -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + (name or self.name))


@pytest.fixture
def objects(s3_store: seaweed.Store, report: ExportReport) -> Objects:
    return Objects(s3_store, report)


def proved(report: ExportReport, how: str) -> Proof:
    """As a worker does it: what lies elsewhere is not read while somebody waits."""
    proof = delivery_actions.prove(report=report, actor=USER, how=how)
    assert proof.status == statuses.QUEUED
    execute("proof", proof.pk)
    proof.refresh_from_db()
    assert proof.status == statuses.COMPLETED, proof.error
    return proof


def is_closed(report: ExportReport) -> bool:
    report.refresh_from_db()
    return report.altered_at is not None


@pytest.mark.parametrize("how", [*HOW])
def test_a_delivery_as_it_was_is_equal_and_by_attributes_nothing_is_read(report: ExportReport, how: str):
    proof = proved(report, how)
    assert (proof.result, proof.problems, proof.note) == (EQUAL, [], "")
    assert proof.bytes_done == (0 if how == ATTRIBUTES else report.check_values["bytes"])


def change(objects: Objects) -> None:
    """One bit, in the same size, with the same attributes of its owner's."""
    was = objects.get()
    body = was["Body"].read()
    objects.put(bytes([body[0] ^ 1]) + body[1:], Metadata=was["Metadata"], ContentType=was["ContentType"])


def cut(objects: Objects) -> None:
    objects.put(objects.get()["Body"].read()[:-1])


def lengthen(objects: Objects) -> None:
    objects.put(objects.get()["Body"].read() + b"\n")


def take(objects: Objects) -> None:
    objects.delete()


def add(objects: Objects) -> None:
    objects.put(b"x", "extra.txt")


def take_manifest(objects: Objects) -> None:
    objects.delete("manifest.json")


@pytest.mark.parametrize(
    ("spoil", "how", "result", "words"),
    [
        *(
            (change, how, CHANGED, "was changed: its sha256 is not the one that was delivered")
            for how in (FULL, SAMPLED)
        ),
        *((cut, how, CHANGED, "were delivered") for how in HOW),
        *((lengthen, how, CHANGED, "were delivered") for how in HOW),
        *((take, how, GONE, "is missing") for how in HOW),
        *((add, how, EXTRA, "extra.txt was added: the manifest does not list it") for how in HOW),
        *((take_manifest, how, GONE, "manifest.json is missing") for how in HOW),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:12],
)
def test_what_another_client_did_is_found_and_named_and_closes_the_delivery(
    report: ExportReport, objects: Objects, spoil: Callable[[Objects], None], how: str, result: str, words: str
):
    spoil(objects)
    proof = proved(report, how)
    assert (proof.result, proof.problems_total) == (result, 1)
    assert words in proof.problems[0]["message"]
    assert is_closed(report)


def test_a_changed_object_of_the_same_size_is_never_called_equal_by_attributes(report: ExportReport, objects: Objects):
    change(objects)
    proof = proved(report, ATTRIBUTES)
    assert proof.result in (CHANGED, UNPROVEN)
    if proof.result == UNPROVEN:
        assert "read to be sure" in proof.note


def test_what_was_put_back_is_proved_by_reading_and_handed_out_again(report: ExportReport, objects: Objects):
    was = objects.get()
    body = was["Body"].read()
    change(objects)
    assert proved(report, FULL).result == CHANGED
    objects.put(body)
    assert is_closed(report)
    assert proved(report, FULL).result == EQUAL
    assert not is_closed(report)
    assert proved(report, ATTRIBUTES).result == EQUAL, "by the state in which it was found right"


def test_a_delivery_that_was_taken_away_is_gone_with_all_its_files(report: ExportReport, objects: Objects):
    objects.delete()
    objects.delete("manifest.json")
    proof = proved(report, ATTRIBUTES)
    assert (proof.result, [one["file"] for one in proof.problems]) == (GONE, ["", objects.name])


def test_a_store_that_is_away_ends_in_words_and_closes_nothing(
    report: ExportReport, saved_s3_connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    config = {**saved_s3_connection.config, "endpoint": "http://127.0.0.1:9", "private_address": "127.0.0.1:9"}
    Connection.objects.filter(pk=saved_s3_connection.pk).update(config=config)
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    proof = delivery_actions.prove(report=report, actor=USER)
    for _ in range(3):
        Proof.objects.filter(pk=proof.pk).update(not_before=None)
        execute("proof", proof.pk)
    proof.refresh_from_db()
    assert (proof.status, proof.result) == (statuses.FAILED, "")
    assert "127.0.0.1:9" in proof.error
    assert not is_closed(report)


def test_a_key_that_may_not_read_says_so(report: ExportReport, saved_s3_connection: Connection):
    known = seaweed.IDENTITIES["stranger"]
    for secret in saved_s3_connection.stored_secrets.all():
        secret.put(getattr(known, secret.field))
        secret.save()
    proof = delivery_actions.prove(report=report, actor=USER)
    execute("proof", proof.pk)
    proof.refresh_from_db()
    assert (proof.status, proof.result) == (statuses.FAILED, "")
    assert "s3:" in proof.error, "the permission that is missing"
    assert not is_closed(report)


def test_it_is_a_run_of_its_own_whatever_its_size(report: ExportReport):
    assert not proofs.is_at_once(report)
