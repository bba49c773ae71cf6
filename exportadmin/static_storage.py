"""How static files are kept (apart from :mod:`exportadmin.static_files`: no shell command needs whitenoise)."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Hashed names; in style sheets they are put in place of the plain ones. Comments that name source maps stay."""

    patterns = tuple(
        (kind, tuple(one for one in found if "sourceMappingURL" not in (one if isinstance(one, str) else one[0])))
        for kind, found in CompressedManifestStaticFilesStorage.patterns
        if kind == "*.css"
    )
