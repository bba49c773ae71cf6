"""A request that was refused is told to whoever records such things, before it is answered."""

from __future__ import annotations

from django.dispatch import Signal

# sent for each 403 and 404 of a page, and each 401, 403, 404 and 429 of REST, with ``request``, ``error`` (the
# exception), ``status`` and ``channel``
request_refused = Signal()
