"""Comparisons of language models: the messages, with what was chosen and how they were ranked."""

from __future__ import annotations

from connections.rows.media_types import LLM
from exports.results.previews.conversation import ConversationPreview


class LlmPreview(ConversationPreview):
    key = LLM
