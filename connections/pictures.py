"""Pictures that rows name, fetched for an export: a few at once, each into a file, in the order they are asked for.

An address is fetched through the outbound door (:mod:`exportadmin.lib.http`): public hosts alone, and the platform that
the project mirrors, with that platform's own session. What this installation keeps for the project is taken from its
media. Nothing else of this machine is ever opened, whatever an address says.

A picture that cannot be had is told with its reason, and is never the end of an export. A host that does not answer is
left alone after a few pictures, so that many dead addresses cost little time; one that answered before is waited for.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from threading import Event, Lock, local
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from django.conf import settings
from isal import isal_zlib

from connections.media_files import open_media
from connections.models import Project
from connections.platforms import PLATFORMS
from connections.platforms.base import MediaSession
from exportadmin.lib.addresses import ForbiddenAddressError
from exportadmin.lib.errors import ExportAdminError, PermanentError, TransientError
from exportadmin.lib.http import Guard, NotSentError, Origin, OutboundSession, TooLargeError, guard_for, origin, session

if TYPE_CHECKING:
    import requests

AT_ONCE: Final = 8
AHEAD: Final = 2 * AT_ONCE
# a picture with all that its fetching takes; one more try for what failed sooner than in this
PICTURE_SECONDS: Final = 30.0
QUICK_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.5
# a host that failed so often in a row is left alone; one that answered before is tried again, every so often, so long
FAILURES: Final = 3
PAUSE_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 60.0

_BLOCK: Final = 1 << 16
_HEAD: Final = 32
_NOTHING_OPENED: Final = "its address is none that pictures are fetched from: it is no http or https address"
_DATA: Final = re.compile(r"data:image/[a-z0-9.+-]+;base64,(.*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture in a file, which belongs to whoever asked: ``extension`` is that of its type, without a dot."""

    path: Path
    size: int
    crc: int
    extension: str


@dataclass(frozen=True, slots=True)
class NotFetched:
    """``reason`` is a sentence without a secret."""

    reason: str


@dataclass(slots=True)
class _Host:
    """How one host has answered so far."""

    failures: int = 0
    has_answered: bool = False
    down_since: float = 0.0
    next_try: float = 0.0
    lock: Lock = field(default_factory=Lock)


class PictureFetcher:
    """For one run. ``scratch`` is a folder for the files; :meth:`close` when it is done.

    ``guard``: another one than the installation's, for addresses that are not the platform's.
    """

    def __init__(self, project: Project, scratch: Path, *, guard: Guard | None = None) -> None:
        self._scratch = scratch
        self._project_id = project.public_id
        self._kept = f"/media/{project.public_id}/"
        self._guard = guard or guard_for()
        kind = PLATFORMS.get(project.connection.kind)
        platform = kind(project.connection) if kind else None
        # made here, one for each thread: a thread that asks the database has a connection of its own that nobody closes
        made = [platform.media_session(project.external_id) for _ in range(AT_ONCE)] if platform else []
        self._spare = [one for one in made if one is not None]
        self._base = self._spare[0].base_url if self._spare else ""
        self._files = self._spare[0].files if self._spare else re.compile("(?!)")
        self._hosts: dict[Origin, _Host] = {}
        self._lock = Lock()
        self._numbers = count(1)
        self._stopped = Event()
        self._of_thread = local()
        self._bytes = 0
        self._is_full = False
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pictures")

    def fetch(self, addresses: Iterable[str]) -> Iterator[Fetched | NotFetched | None]:
        """Of each address, in order; ``None`` once a second while the next one is waited for."""
        rest = iter(addresses)
        waiting: deque[Future[Fetched | NotFetched]] = deque()
        try:
            while True:
                while len(waiting) < AHEAD and (address := next(rest, None)) is not None:
                    waiting.append(self._pool.submit(self._one, address))
                if not waiting:
                    return
                try:
                    found = waiting[0].result(timeout=1)
                except TimeoutError:
                    if waiting[0].done():
                        raise
                    yield None
                    continue
                waiting.popleft()
                yield self._within_all(found)
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End what is being fetched; nothing more is."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _within_all(self, found: Fetched | NotFetched) -> Fetched | NotFetched:
        if isinstance(found, NotFetched):
            return found
        # also smaller ones that come behind it: which they are may not depend on what was fetched ahead
        self._is_full = self._is_full or self._bytes + found.size > settings.PICTURES_BYTES
        if self._is_full:
            found.path.unlink()
            return NotFetched(_too_many())
        self._bytes += found.size
        return found

    # --- in a thread -------------------------------------------------------------------------------------------------

    def _one(self, address: str) -> Fetched | NotFetched:
        if self._is_full:
            return NotFetched(_too_many())
        try:
            return self._take(address)
        except TooLargeError:
            return NotFetched(_too_large())
        except ForbiddenAddressError as error:
            return NotFetched(str(error).partition(": a superuser can permit")[0])
        except ExportAdminError as error:
            return NotFetched(str(error))

    def _take(self, address: str) -> Fetched:
        if address.startswith(self._kept):
            return self._from_media(address.removeprefix(self._kept))
        if found := _DATA.fullmatch(address):
            return self._from_data(found[1])
        address = address.replace(" ", "%20")  # as browsers do
        if address.lower().startswith(("https://", "http://")):
            return self._from_host(address, is_of_platform=self._is_file_of_platform(address))
        if self._base and address.startswith("/") and not address.startswith("//"):
            address = f"{self._base}{address}"
            if self._is_file_of_platform(address):
                return self._from_host(address, is_of_platform=True)
            raise PermanentError("its address is none where the platform keeps files")
        raise PermanentError(_NOTHING_OPENED)

    def _from_media(self, name: str) -> Fetched:
        picture = open_media(self._project_id, name)
        if picture is None:
            raise PermanentError("this installation keeps no picture of that name for the project")
        with picture:
            return self._keep(iter(lambda: picture.read(_BLOCK), b""))

    def _from_data(self, text: str) -> Fetched:
        if len(text) * 3 // 4 > settings.PICTURE_BYTES:
            raise PermanentError(_too_large())
        try:
            return self._keep([b64decode(text, validate=True)])
        except binascii.Error:
            raise PermanentError("the picture in its address is not base64") from None

    def _from_host(self, address: str, *, is_of_platform: bool) -> Fetched:
        place = origin(address)
        with self._lock:
            host = self._hosts.setdefault(place, _Host())
        began = monotonic()
        for is_last in (False, True):
            self._wait_for(host)
            try:
                with closing(self._answer(address, is_of_platform=is_of_platform)) as answer:
                    found = self._keep(answer.iter_content(_BLOCK))
            except TransientError as error:
                if is_last or isinstance(error, NotSentError) or monotonic() - began > QUICK_SECONDS:
                    _failed(host)
                    raise
                self._stopped.wait(min(error.retry_after or RETRY_SECONDS, QUICK_SECONDS))
            except PermanentError:
                _answered(host)
                raise
            else:
                _answered(host)
                return found
        raise AssertionError("the last try ends it")

    def _wait_for(self, host: _Host) -> None:
        """Raises :class:`PermanentError` where the host is left alone."""
        while not self._stopped.is_set():
            now = monotonic()
            with host.lock:
                if host.failures < FAILURES:
                    return
                if not host.has_answered or now - host.down_since > PATIENCE_SECONDS:
                    break
                if now >= host.next_try:
                    host.next_try = now + PAUSE_SECONDS
                    return
                pause = host.next_try - now
            self._stopped.wait(pause)
        raise PermanentError(f"its host did not answer for {FAILURES} others, so it was left alone")

    def _answer(self, address: str, *, is_of_platform: bool) -> requests.Response:
        """Through a session of this thread's own: files of the platform by the platform's, which alone has its
        credentials and its private address."""
        own: Any = self._of_thread
        if is_of_platform:
            if not hasattr(own, "platform"):
                own.platform = self._spare.pop()
            platform: MediaSession = own.platform
            return platform.get(address.removeprefix(self._base), settings.PICTURE_BYTES, PICTURE_SECONDS)
        if not hasattr(own, "public"):
            own.public = session(self._guard, "https://localhost", attempts=1)
        public: OutboundSession = own.public
        return public.request(
            "GET",
            address,
            headers={"Accept": "image/*"},
            stream=True,
            max_bytes=settings.PICTURE_BYTES,
            whole_seconds=PICTURE_SECONDS,
        )

    def _is_file_of_platform(self, address: str) -> bool:
        """Raises :class:`PermanentError` for an address below the platform's that leads upwards."""
        if not self._base or not address.startswith(f"{self._base}/"):
            return False
        path = _checked_path(address.removeprefix(self._base))
        return self._files.match(path) is not None

    def _keep(self, pieces: Iterable[bytes]) -> Fetched:
        """Into a file of its own, where it is a picture. Raises :class:`PermanentError`."""
        rest = iter(pieces)
        head = b""
        for piece in rest:
            head += piece
            if len(head) >= _HEAD:
                break
        extension = extension_of(head)
        if not extension:
            raise PermanentError("it is no picture: its first bytes are those of no JPEG, PNG, GIF, WebP, BMP, TIFF …")
        path = self._scratch / f"picture-{next(self._numbers)}"
        size = crc = 0
        try:
            with path.open("xb") as file:
                for piece in chain([head], rest):
                    size += len(piece)
                    if size > settings.PICTURE_BYTES:
                        raise PermanentError(_too_large())
                    if self._stopped.is_set():
                        raise PermanentError("the export ended")
                    crc = isal_zlib.crc32(piece, crc)
                    file.write(piece)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Fetched(path, size, crc, extension)


def _failed(host: _Host) -> None:
    with host.lock:
        host.failures += 1
        if host.failures == FAILURES:
            host.down_since = monotonic()
            host.next_try = host.down_since + PAUSE_SECONDS


def _answered(host: _Host) -> None:
    with host.lock:
        host.failures, host.has_answered = 0, True


def _too_large() -> str:
    return f"it has more than {settings.PICTURE_BYTES:,} bytes: EXPORTADMIN_PICTURE_BYTES permits more"


def _too_many() -> str:
    return (
        f"with it the export would have more than {settings.PICTURES_BYTES:,} bytes of pictures: "
        "EXPORTADMIN_PICTURES_BYTES permits more"
    )


def _checked_path(address: str) -> str:
    """An address without a host, as it is. Raises :class:`PermanentError` for one that leads upwards."""
    plain = unquote(unquote(address)).replace("\\", "/")
    if ".." in re.split(r"[/?&=#]", plain) or re.search(r"[\x00-\x1f\x7f]", plain):
        raise PermanentError("its address leads out of its folder, or holds a control character")
    return address


def extension_of(head: bytes) -> str:
    """Of a picture, by its first bytes (at least 32 where there are so many); empty for anything else."""
    for begin, extension in _BEGINNINGS:
        if head.startswith(begin):
            return extension
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "bmp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    return ""


_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
)
_BRANDS: Final = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic", b"msf1": "heic"}


# what begins an address, and a user with a password before its host
_PEOPLE: Final = re.compile(r"((?:[a-z][a-z0-9+.-]*:)?[/\\]{2,})[^/\\]*@|[^/\\@]*:[^/\\]*@", re.IGNORECASE)


def shown_address(address: str) -> str:
    """For people who may not learn the secrets in it: without query, fragment, user and password."""
    if address[:5].lower() == "data:":
        return address[:40].partition(",")[0] + ",…"
    plain = re.split(r"[?#]", address, maxsplit=1)[0]
    found = _PEOPLE.match(plain)
    text = f"{found[1] or ''}{plain[found.end() :]}" if found else plain
    return text if len(text) <= 300 else f"{text[:299]}…"
