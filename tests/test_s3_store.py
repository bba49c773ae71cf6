"""The session's S3 store is a real one: it knows who asks, what they may do, and which buckets there are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.support.paths import ROOT


def refusal(call, **arguments) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_each_may_do_what_it_may(s3_store, s3_folder):
    bucket, _, key = f"{s3_folder}object".partition("/")
    place = {"Bucket": bucket, "Key": key}
    s3_store.client("exporter").put_object(**place, Body=b"x", IfNoneMatch="*")
    reads = s3_store.client("read-only")
    assert reads.get_object(**place)["Body"].read() == b"x"
    assert refusal(reads.put_object, **place, Body=b"y") == "AccessDenied"
    assert refusal(s3_store.client("stranger").get_object, **place) == "AccessDenied"
    assert refusal(s3_store.client("write-only").get_object, **place) == "AccessDenied"


def test_a_condition_is_kept_and_a_missing_bucket_stays_missing(s3_store, s3_folder):
    bucket, _, key = f"{s3_folder}object".partition("/")
    s3 = s3_store.client()
    s3.put_object(Bucket=bucket, Key=key, Body=b"x", IfNoneMatch="*")
    assert refusal(s3.put_object, Bucket=bucket, Key=key, Body=b"y", IfNoneMatch="*") == "PreconditionFailed"
    assert refusal(s3.put_object, Bucket="nobody-made-this", Key=key, Body=b"y") == "NoSuchBucket"


def test_a_server_ends_with_the_process_that_it_is_for(s3_store):
    """``s3_store`` is asked for only so that the test is skipped where there is no server."""
    main = subprocess.Popen(["sleep", "600"])
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.support.seaweed", "--keep", str(main.pid)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with keeper:
        told = json.loads(keeper.stdout.readline())
        os.kill(told["pid"], 0)
        main.send_signal(signal.SIGKILL)
        main.wait()
        assert keeper.wait(timeout=60) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(told["pid"], 0)
    assert not Path(told["folder"]).exists()
