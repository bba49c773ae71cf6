"""``EXPORTADMIN_ARTIFACTS_URL``: where this installation keeps its files, a folder or a place in an S3 store."""

from __future__ import annotations

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

EXPECTED = "expected s3://bucket/prefix, or the absolute path of a folder"


def parse(url: str, default: Path) -> tuple[Path, str]:
    """The folder, and ``bucket/prefix`` of an S3 store, which then takes its place (empty: the folder it is).

    Raises :class:`ImproperlyConfigured` with one line.
    """
    if not url:
        return default, ""
    if url.startswith("s3://"):
        store = url.removeprefix("s3://").strip("/")
        if not store or "?" in store or "@" in store.partition("/")[0]:
            raise ImproperlyConfigured(f"EXPORTADMIN_ARTIFACTS_URL names no bucket alone: {EXPECTED}")
        return default, store
    if not url.startswith("/") or ".." in Path(url).parts:
        raise ImproperlyConfigured(f"EXPORTADMIN_ARTIFACTS_URL={url[:80]!r}: {EXPECTED}")
    return Path(url).resolve(), ""
