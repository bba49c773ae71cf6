#!/usr/bin/env python3
"""``make screenshots``: every page of an installation with the demo data, as PNG files in ``screenshots/``.

Starts an installation of its own in a temporary folder, signs in and follows the links. Of addresses that differ in an
id only, the first one is taken. Each page is taken wide and narrow; the first ones in dark colours too.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402 - found only with the line above

from tests.support.browser import LAUNCH_ARGS, chromium  # noqa: E402
from tests.support.shell import PROGRAMS, Installation  # noqa: E402

TARGET = ROOT / "screenshots"
SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 390, "height": 844}}
MOST_PAGES = 80
# a connection to look at; nothing is sent through it
BUCKET = "Team bucket"
SECRETS = ("--secret", "access_key_id=env:DEMO_KEY_ID", "--secret", "secret_access_key=env:DEMO_KEY")
START_SECONDS = 180


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def prepare(installation: Installation) -> str:
    """Tables, demo data, a connection. Answers the admin's password."""
    printed = ""
    for command in (
        ["migrate", "--verbosity", "0"],
        ["load_demo"],
        ["connections", "create", "s3", BUCKET, "--config", "bucket=team-exports", *SECRETS],
        ["connections", "grant", BUCKET, "Demo"],
    ):
        done = installation.run(*command)
        if done.returncode:
            raise SystemExit(f"exportadmin {command[0]} failed: {done.stderr.strip()}")
        printed += done.stdout
    found = re.search(r"^user admin made; .*: (\S+)$", printed, re.MULTILINE)
    if found is None:
        raise SystemExit("load_demo printed no password")
    return found[1]


def free_port() -> int:
    """A TCP port on loopback that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    """Returns when the page answers; gives up when the server ended or after some minutes."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own server on loopback
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"no answer from {address}") from None
            time.sleep(0.2)
        else:
            return


def links(page: Page, base: str) -> list[str]:
    """Addresses of the pages of this installation that the page links to; no downloads, no sign-out."""
    found = page.eval_on_selector_all("a[href]:not([download])", "anchors => anchors.map(a => a.getAttribute('href'))")
    here = [urldefrag(urljoin(page.url, link)).url for link in found]
    unwanted = (
        "/files/",
        "/sign-out",
        "/media/",
        "/static/",
        "/admin/",
        "/list.csv",
        "/audit/export",
        "/schema/",
        "as=",
    )
    return [link for link in here if link.startswith(base) and not any(part in link for part in unwanted)]


def pattern(address: str) -> str:
    """The address with ids taken out, fit for a file name."""
    path = re.sub(r"/([a-z2-7]{24}|\d+)(?=/|$)", "/id", urlsplit(address).path).strip("/")
    return re.sub(r"[^\w-]+", "-", path) or "home"


def take(browser: Browser, base: str, password: str) -> int:
    """Walk the pages. Answers how many pictures were taken."""
    context = browser.new_context(viewport=SIZES["wide"])  # type: ignore[arg-type]
    page = context.new_page()
    taken = 0

    def shoot(name: str, dark: bool = False) -> None:
        nonlocal taken
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            page.screenshot(path=TARGET / f"{name}{'-dark' if dark else ''}-{size}.png", full_page=True)
            taken += 1

    page.goto(f"{base}/sign-in/")
    shoot("sign-in")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "/sign-in/" not in address)
    waiting, seen = [page.url], {"sign-in"}
    while waiting and len(seen) <= MOST_PAGES:
        address = waiting.pop(0)
        if pattern(address) in seen:
            continue
        seen.add(pattern(address))
        answer = page.goto(address)
        if answer is None or not answer.ok:
            raise SystemExit(f"{address} answered {answer.status if answer else 'nothing'}")
        name = pattern(page.url)
        if name in seen and name != pattern(address):  # it led to a page that was there already
            continue
        seen.add(name)
        shoot(name)
        shoot(name, dark=True)
        waiting += links(page, base)
    context.close()
    return taken


def main() -> None:
    """Make the installation, serve it, take the pictures, take it down."""
    program = chromium()
    if program is None:
        raise SystemExit("chromium is not installed (on Debian or Ubuntu: apt-get install chromium)")
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    base = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="exportadmin-screenshots-") as home:
        installation = Installation(Path(home))
        password = prepare(installation)
        log = (Path(home) / "server.log").open("wb")
        command = [str(PROGRAMS / "exportadmin"), "up", "--bind", base]
        with log, subprocess.Popen(command, env=installation.environment, stdout=log, stderr=log) as server:
            try:
                wait_until_it_answers(f"http://{base}/sign-in/", server)
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=program, args=LAUNCH_ARGS)
                    taken = take(browser, f"http://{base}", password)
                    browser.close()
            finally:
                server.terminate()
                server.wait(timeout=30)
    say(f"{taken} pictures in {TARGET.relative_to(ROOT)}/")


if __name__ == "__main__":
    main()
