"""Fields that take what the OpenAPI document says they take, and nothing that could be turned into it.

DRF's own make ``"12"`` of 12 and ``true`` of "yes": kind to forms, but a script that sends the wrong type has a fault
that it should learn of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rest_framework import serializers


class Text(serializers.CharField):
    """A text as it is: not stripped, not made of numbers."""

    default_error_messages = {"invalid": "this is no text"}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        if not kwargs.get("allow_blank"):
            kwargs.setdefault("min_length", 1)  # so that the document says it too
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Raises ``ValidationError`` for anything but a text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number; 5.0 is one in JSON Schema, "5" and true are not."""

    default_error_messages = {"invalid": "this is no whole number"}

    def to_internal_value(self, data: Any) -> int:
        """Raises ``ValidationError``."""
        if isinstance(data, bool) or not isinstance(data, int | float) or not float(data).is_integer():
            self.fail("invalid")
        return int(data)


class Flag(serializers.BooleanField):
    """``true`` or ``false``."""

    default_error_messages = {"invalid": "this is neither true nor false"}

    def to_internal_value(self, data: Any) -> bool:
        """Raises ``ValidationError``."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Choice(serializers.ChoiceField):
    """One of some texts."""

    default_error_messages = {"invalid_choice": "{input} is unknown; known: {known}"}

    def __init__(self, choices: Iterable[str], **kwargs: Any) -> None:
        super().__init__(choices=list(choices), **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Raises ``ValidationError``."""
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", input=repr(data)[:60], known=", ".join(self.choices))
        return data


class DescribedField(serializers.Field):  # type: ignore[type-arg]
    """A value that a room's own rules read; ``schema`` says what it takes."""

    def __init__(self, schema: Callable[[], dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.schema = schema

    def to_internal_value(self, data: Any) -> Any:
        """As it is."""
        return data

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses keys that it does not know."""

    default_error_messages = {"invalid": "a JSON object is expected here"}

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's, after a look at the keys."""
        if isinstance(data, Mapping):
            for key in data:
                if key not in self.fields:
                    known = ", ".join(self.fields)
                    raise serializers.ValidationError({str(key)[:80]: [f"unknown key; known: {known}"]})
        return super().to_internal_value(data)

    @classmethod
    def read(cls, data: Any) -> Any:
        """A checked instance for a request's body. Raises ``ValidationError``."""
        body = cls(data=data)
        body.is_valid(raise_exception=True)
        return body
