"""Header names with an underscore: a client can forge another header with one, so servers drop them all.

``X_Forwarded_For`` and ``X-Forwarded-For`` are one name to whoever reads WSGI's environment. Some clients of labelling
platforms sign in by such names all the same; these few are let in, and nothing of ours reads them for anything else.
"""

from __future__ import annotations

from typing import Final

# what Labellerr's SDK sends
WITH_UNDERSCORE: Final = frozenset({"API_KEY", "API_SECRET", "CLIENT_ID", "EMAIL_ID"})


def may_pass(name: str) -> bool:
    """May a header of this name reach a view?"""
    return "_" not in name or name.upper() in WITH_UNDERSCORE
