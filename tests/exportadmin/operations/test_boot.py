"""A bad setting stops the start of every program with one line that names it and says what would be right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured

from exportadmin import database
from exportadmin.lib import env
from exportadmin.operations import checks
from tests.support.paths import ROOT
from tests.support.shell import PROGRAMS, Installation, plain_environment

GOOD_KEY = "kJ8-2hf_qLw93mZx7RtYvB5nC1sDpAoEiUgTrFhG4jKlMnBvCxZ6"
# the start is refused before the database is looked at, so these installations have no tables
PASSED = "lacks"


@pytest.fixture
def start(tmp_path: Path):
    """``exportadmin ARGUMENTS…`` with these variables; exit code and lines on stderr."""
    home = tmp_path / "home"
    home.mkdir()

    def run(*arguments: str, **variables: str) -> tuple[int, list[str]]:
        extra = {f"EXPORTADMIN_{name}": value for name, value in variables.items()}
        done = Installation(home, extra=extra).run(*(arguments or ("web", "--bind", "127.0.0.1:0")))
        assert done.stdout == ""
        return done.returncode, done.stderr.splitlines()

    return run


def refused(started: tuple[int, list[str]], variable: str, *parts: str) -> str:
    """Stopped, with one line that names the variable; returns it."""
    code, lines = started
    assert code != 0
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert f"EXPORTADMIN_{variable}" in lines[0]
    for part in parts:
        assert part in lines[0]
    return lines[0]


@pytest.mark.parametrize("channel", [("web", "--bind", "127.0.0.1:0"), ("worker",), ("up", "--bind", "127.0.0.1:0")])
def test_every_door_is_guarded(start, channel):
    refused(start(*channel, SECRET_KEY="changeme"), "SECRET_KEY", "known default")


def test_the_wsgi_door_is_guarded(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import exportadmin.wsgi"],
        env={**plain_environment(), "EXPORTADMIN_HOME": str(tmp_path), "EXPORTADMIN_ALLOWED_HOSTS": "*"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert "EXPORTADMIN_ALLOWED_HOSTS: *" in done.stderr.splitlines()[-1]


def test_with_good_settings_the_start_goes_on(start):
    code, lines = start(
        SECRET_KEY=GOOD_KEY,
        ENCRYPTION_KEY=f"{GOOD_KEY},{GOOD_KEY[::-1]}",
        SIGNING_KEY=f"{GOOD_KEY},{GOOD_KEY[::-1]},public:{'0f' * 32}",
        ALLOWED_HOSTS="exports.example.org,127.0.0.1,[::1],.example.net",
        CSRF_TRUSTED_ORIGINS="https://exports.example.org",
        HTTPS="1",
        METRICS_TOKEN=GOOD_KEY,
        RETENTION_DAYS="30",
        THROTTLE_USER="10/second",
        LOG_LEVEL="warning",
    )
    assert (code, len(lines)) == (1, 1)
    assert PASSED in lines[0]


def test_with_no_setting_at_all_the_start_goes_on_with_keys_of_its_own(start, tmp_path):
    code, lines = start()
    assert (code, len(lines)) == (1, 1)
    assert PASSED in lines[0]
    keys = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "home" / "keys").iterdir()}
    assert keys == {"secret_key": 0o600, "encryption_key": 0o600, "signing_key": 0o600}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("changeme" * 10, "known default"),
        ("django-insecure-" + GOOD_KEY, "known default"),
        (GOOD_KEY[:49], "has 49 characters"),
        ("abcabcab" * 10, "only 3 different characters"),
    ],
)
def test_a_secret_key_that_can_be_guessed(start, key, message):
    line = refused(
        start(SECRET_KEY=key), "SECRET_KEY", message, "at least 50 random characters", "secrets.token_urlsafe"
    )
    assert key not in line


def test_a_kept_secret_key_that_was_emptied(start, tmp_path):
    (tmp_path / "home" / "keys").mkdir()
    (tmp_path / "home" / "keys" / "secret_key").write_text("")
    refused(start(), "SECRET_KEY", str(tmp_path / "home" / "keys" / "secret_key"), "has 0 characters")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("not base64!" * 5, "is no URL-safe base64"),
        (GOOD_KEY[:20], "has 15 bytes"),
        ("A" * 64, "is not random"),
        (f"{GOOD_KEY},short", "key 2"),
    ],
)
def test_an_encryption_key_that_is_none(start, key, message):
    line = refused(start(ENCRYPTION_KEY=key), "ENCRYPTION_KEY", message, "32 or more random bytes")
    assert key not in line


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("not base64!" * 5, "the key is no URL-safe base64"),
        (GOOD_KEY[:20], "the key has 15 bytes"),
        (f"public:{'0f' * 32}", "the key is no URL-safe base64"),
        (f"{GOOD_KEY},public:{'0f' * 31}", "key 2 is no URL-safe base64"),
    ],
)
def test_a_signing_key_that_cannot_sign(start, key, message):
    line = refused(start(SIGNING_KEY=key), "SIGNING_KEY", message, "32 or more random bytes", "public:<64 hexadecimal")
    assert key not in line


def test_a_kept_signing_key_that_was_emptied(start, tmp_path):
    (tmp_path / "home" / "keys").mkdir()
    (tmp_path / "home" / "keys" / "signing_key").write_text("\n")
    refused(start(), "SIGNING_KEY", "there is no key in", str(tmp_path / "home" / "keys" / "signing_key"))


def test_a_kept_encryption_key_that_was_damaged(start, tmp_path):
    (tmp_path / "home" / "keys").mkdir()
    (tmp_path / "home" / "keys" / "encryption_key").write_text("???")
    refused(start(), "ENCRYPTION_KEY", str(tmp_path / "home" / "keys" / "encryption_key"))


@pytest.mark.parametrize("hosts", ["exports.example.org", "127.0.0.1,10.0.0.5", "0.0.0.0"])
def test_debug_pages_on_a_public_host(start, hosts):
    refused(start(DEBUG="1", ALLOWED_HOSTS=hosts), "DEBUG", "switch it off")


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        ("*", "Host header"),
        ("127.0.0.1,*", "Host header"),
        ("", "names no host"),
        ("https://exports.example.org", "is no host name"),
        ("exports.example.org:8000", "is no host name"),
    ],
)
def test_hosts_that_let_anybody_or_nobody_in(start, hosts, message):
    refused(start(ALLOWED_HOSTS=hosts), "ALLOWED_HOSTS", message, "exports.example.org")


def test_a_public_host_without_https_starts_with_a_warning(start):
    code, lines = start(ALLOWED_HOSTS="exports.example.org", LOG_FORMAT="plain")
    assert (code, len(lines)) == (1, 2)
    assert "WARNING" in lines[0]
    assert "EXPORTADMIN_HTTPS: passwords travel unprotected to exports.example.org" in lines[0]
    assert PASSED in lines[1]


def test_an_origin_without_a_scheme(start):
    refused(start(CSRF_TRUSTED_ORIGINS="exports.example.org"), "CSRF_TRUSTED_ORIGINS", "https://")


@pytest.mark.parametrize("name", [*checks.NUMBERS])
@pytest.mark.parametrize("value", ["two", "-1", "1.5"])
def test_a_number_that_is_none_is_found(monkeypatch, name, value):
    monkeypatch.setenv(f"EXPORTADMIN_{name}", value)
    (problem,) = (each for each in checks.problems() if each.stops)
    assert problem.variable == name
    assert "expected a whole number from" in str(problem)


@pytest.mark.parametrize("name", ["WORKERS", "WEB_THREADS", "LEASE_SECONDS", "RETENTION_DAYS"])
def test_a_number_that_is_none(start, name):
    refused(start(**{name: "two"}), name, "'two'", "whole number")


@pytest.mark.parametrize("value", ["25:00", "3", "never", "03:00:00"])
def test_a_time_of_day_that_is_none(monkeypatch, value):
    monkeypatch.setenv("EXPORTADMIN_PROOF_AT", value)
    with pytest.raises(ImproperlyConfigured, match=f"EXPORTADMIN_PROOF_AT='{value}' is no time of day such as 03:00"):
        env.time_of_day("PROOF_AT", "03:00")


def test_a_choice_that_is_none(start):
    refused(start(PROOF_HOW="some"), "PROOF_HOW", "'some'", "attributes, sampled or full")


def test_a_flag_that_is_neither(start):
    refused(start(HTTPS="maybe"), "HTTPS", "neither true nor false")


@pytest.mark.parametrize("rate", ["many", "0/min", "10 per minute", "10/fortnight"])
def test_a_rate_that_is_none(monkeypatch, settings, rate):
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"anon": "1/s", "user": rate}}
    (problem,) = (each for each in checks.problems() if each.stops)
    assert problem.variable == "THROTTLE_USER"
    assert "60/min" in problem.message


def test_a_rate_that_is_none_stops_the_start(start):
    refused(start(THROTTLE_ANONYMOUS="many"), "THROTTLE_ANONYMOUS", "60/min")


def test_a_metrics_token_that_can_be_guessed(start):
    refused(start(METRICS_TOKEN="prometheus"), "METRICS_TOKEN", "at least 24 random characters")


def test_a_bundle_of_certificates_that_is_none_is_refused(start, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    for path in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        refused(start(OUTBOUND_CA_BUNDLE=str(path)), "OUTBOUND_CA_BUNDLE", "certificates")


@pytest.mark.parametrize("url", ["garbage", "mysql://u:hunter2@h/db", "postgresql://u:hunter2@h:port/db"])
def test_a_database_address_that_cannot_be_read(start, url):
    line = refused(start(DATABASE_URL=url), "DATABASE_URL", "postgresql://user:password@host:port/name")
    assert "hunter2" not in line


def test_a_server_that_does_not_answer_at_all_holds_nobody_for_long():
    assert database.from_url("postgresql://u:p@h/db")["OPTIONS"]["connect_timeout"] == 5
    assert database.from_url("postgresql://u:p@h/db?connect_timeout=9")["OPTIONS"]["connect_timeout"] == 9
    with pytest.raises(ImproperlyConfigured):
        database.from_url("postgresql://u:p@h/")


def test_what_the_address_says_of_time_limits_wins():
    options = database.from_url("postgresql://u:p@h/db?options=-c%20lock_timeout%3D1s")["OPTIONS"]["options"]
    assert options.startswith("-c idle_in_transaction_session_timeout=8s")
    assert options.endswith("-c lock_timeout=1s")


@pytest.mark.parametrize("variable", ["LOG_LEVEL", "LOG_FORMAT"])
def test_a_log_that_there_is_not(start, variable):
    refused(start(**{variable: "loud"}), variable, "expected")


def test_a_folder_that_cannot_be_made(start, tmp_path):
    (tmp_path / "file").write_text("")
    refused(start(HOME=str(tmp_path / "file" / "home")), "HOME", str(tmp_path / "file"))


def test_a_folder_that_is_a_file(start, tmp_path):
    (tmp_path / "file").write_text("")
    refused(start(HOME=str(tmp_path / "file")), "HOME")


# root as anybody else: it may not write where the mode says so
WITHOUT_POWERS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] if os.geteuid() == 0 else []


def test_a_folder_that_cannot_be_written(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    done = subprocess.run(
        [*WITHOUT_POWERS, PROGRAMS / "exportadmin", "web", "--bind", "127.0.0.1:0"],
        env={**plain_environment(), "EXPORTADMIN_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    refused((done.returncode, done.stderr.splitlines()), "HOME", "not writable")


def test_a_read_only_home_is_named_as_such(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPORTADMIN_HOME", str(tmp_path))
    monkeypatch.setattr(env.os, "access", lambda *args: False)
    with pytest.raises(ImproperlyConfigured, match=rf"EXPORTADMIN_HOME={tmp_path} is not writable$"):
        env.home(ROOT)
    monkeypatch.setattr(env.os, "statvfs", lambda folder: SimpleNamespace(f_flag=os.ST_RDONLY | os.ST_NOSUID))
    with pytest.raises(ImproperlyConfigured, match=r"is not writable: its file system is mounted read-only$"):
        env.home(ROOT)


def test_a_key_that_cannot_be_kept(start, tmp_path):
    (tmp_path / "home" / "keys").write_text("a file where a folder has to be")
    refused(start(), "HOME", "keys")


def test_artifacts_that_cannot_be_written(start, tmp_path):
    (tmp_path / "home" / "artifacts").write_text("a file where a folder has to be")
    refused(start(), "HOME", str(tmp_path / "home" / "artifacts"), "must be a folder")


def test_several_bad_settings_are_one_line_that_says_so(start):
    line = refused(start(SECRET_KEY="changeme", ALLOWED_HOSTS="*", WEB_THREADS="x"), "SECRET_KEY", "and 2 more")
    assert "exportadmin check" in line


def test_check_tells_all_of_them(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    bad = {"EXPORTADMIN_SECRET_KEY": "changeme", "EXPORTADMIN_ALLOWED_HOSTS": "*"}
    done = Installation(home, extra=bad).run("check")
    assert done.returncode == 1
    assert "(exportadmin.SECRET_KEY) EXPORTADMIN_SECRET_KEY" in done.stderr
    assert "(exportadmin.ALLOWED_HOSTS) EXPORTADMIN_ALLOWED_HOSTS" in done.stderr
    assert "(exportadmin.HTTPS)" in done.stderr


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.8.8.8", "[::1]", "::1"])
def test_a_local_host(host):
    assert checks.is_local(host)


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "[::]", "10.0.0.1", "example.org", "localhost.evil.org"])
def test_a_public_host(host):
    assert not checks.is_local(host)


@pytest.mark.parametrize(
    "url", ["s3://", "s3://key@bucket/x", "https://bucket", "artifacts", "/srv/../etc", "S3://bucket"]
)
def test_a_place_for_artifacts_that_is_none_stops_the_start(start, url):
    refused(start(ARTIFACTS_URL=url), "ARTIFACTS_URL", "expected s3://bucket/prefix, or the absolute path of a folder")


def test_artifacts_may_lie_in_another_folder(start, tmp_path):
    code, lines = start(ARTIFACTS_URL=str(tmp_path / "elsewhere"))
    assert (code, PASSED in lines[0]) == (1, True), lines
    assert (tmp_path / "elsewhere").is_dir()
    assert not (tmp_path / "home" / "artifacts").exists()
