"""The one row that says which installation a database is of."""

from __future__ import annotations

from django.db import models

from exportadmin.lib.ids import new_id


class Installation(models.Model):
    """Made at the first start. A copy of the database made by ``exportadmin backup`` has none: it gets its own."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    public_id = models.CharField(max_length=64, default=new_id, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return self.public_id
