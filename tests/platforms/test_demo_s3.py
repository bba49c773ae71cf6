"""``make demo-s3``: a store on this machine with a connection that is ready, and what is in it stays."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.shell import new_installation

TO_THE_BUCKET = ("kind=s3", "connection=Demo bucket", "folder=demo/exports/")


def test_the_demo_bucket_takes_a_delivery_and_still_has_it_at_its_next_start(tmp_path: Path):
    with new_installation(tmp_path) as installation:
        assert installation.run("load_demo", "--no-exports").returncode == 0

        def start() -> subprocess.Popen[str]:
            script = subprocess.Popen(
                [sys.executable, ROOT / "scripts" / "demo_s3.py"],
                env=installation.environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert script.stdout is not None
            assert "Connection 'Demo bucket' leads to it" in script.stdout.readline()
            return script

        running = start()
        try:
            tested = installation.run("connections", "test", "Demo bucket")
            assert tested.returncode == 0, tested.stdout + tested.stderr
            options = [word for setting in TO_THE_BUCKET for word in ("--destination", setting)]
            done = installation.run("run_export", "Demo", "--format", "ndjson", "--json", *options)
            assert done.returncode == 0, done.stderr
            report_id = json.loads(done.stdout)["report_id"]
            running.send_signal(signal.SIGINT)
            assert running.wait(60) == 0
            running = start()
            verified = installation.run("verify", report_id)
            assert verified.returncode == 0, verified.stdout + verified.stderr
        finally:
            running.kill()
            running.wait()
