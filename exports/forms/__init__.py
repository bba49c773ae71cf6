"""The form of an export: what was typed, what it means, what may be chosen. The rules are :mod:`exports.spec.spec`."""

from exports.forms.checked import Checked, Said, check
from exports.forms.choices import choices_of
from exports.forms.typed import Typed

__all__ = ["Checked", "Said", "Typed", "check", "choices_of"]
