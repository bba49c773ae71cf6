"""Can a row be kept as it comes in, and is it another one than the one that is there?"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from connections.rows.review_statuses import known_status
from connections.store.import_row import IncomingRow
from connections.store.models import MAX_GROUP_NAME, MAX_ROW_ID
from exportadmin.lib.errors import UserError

MAX_KEY: Final = 500


def checked_digest(row: IncomingRow) -> str:
    """The digest of a row that can be kept. Raises :class:`UserError`."""
    if not row.key:
        raise UserError("the row has no key (global_key)")
    if len(row.key) > MAX_KEY:
        raise UserError(f"the key has {len(row.key)} characters; at most {MAX_KEY} are kept")
    if row.external_id and len(row.external_id) > MAX_KEY:
        raise UserError(f"external_id has {len(row.external_id)} characters; at most {MAX_KEY} are kept")
    if row.row_id is not None and not 0 < len(row.row_id) <= MAX_ROW_ID:
        raise UserError(f"data_row.id has {len(row.row_id)} characters; 1 to {MAX_ROW_ID} are kept")
    for name in ("dataset", "dataset_id", "batch_name"):
        text = getattr(row, name)
        if text and len(text) > MAX_GROUP_NAME:
            raise UserError(f"{name} has {len(text)} characters; at most {MAX_GROUP_NAME} are kept")
    known_status(row.status, field="status")
    return _digest(row)


def _digest(row: IncomingRow) -> str:
    """Equal for rows of which the source says the same: nothing of ours is in it, no id, time or revision that the
    store gave. Raises :class:`UserError` for what JSON cannot hold."""
    content = (
        (row.key, row.row_data, row.status, row.external_id, row.dataset, row.batch_id, row.batch_name, row.priority),
        (row.created_ms, row.created_by, row.media_attributes, row.attachments, row.metadata_fields, row.embeddings),
        (row.project_details, row.project_tags, row.source_extra),
        (row.row_id, row.updated_ms, row.activity_ms, row.dataset_id, row.more_details),
        [
            (
                (label.objects, label.classifications, label.relationships, label.performance, label.extra),
                (label.label_id, label.created_ms, label.updated_ms, label.created_by),
                (label.content_updated_ms, label.reviews, label.more_details, label.more_annotations),
            )
            for label in row.labels
        ],
    )
    try:
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise UserError(f"cannot be written as JSON: {error}") from None
    return hashlib.blake2b(text, digest_size=16).hexdigest()
