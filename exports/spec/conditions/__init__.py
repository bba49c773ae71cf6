"""The conditions of a filter, one line each, in the order in which a dropped row's reason is found.

All conditions of a filter have to hold. A row that fails several is counted under the first of this table.
"""

from __future__ import annotations

from typing import Any

from exportadmin.lib.registry import Registry
from exports.spec.conditions.base import Condition
from exports.spec.conditions.batch_ids import BatchIds
from exports.spec.conditions.data_row_ids import DataRowIds
from exports.spec.conditions.dataset_ids import DatasetIds
from exports.spec.conditions.global_keys import GlobalKeys
from exports.spec.conditions.label_created_at import LabelCreatedAt
from exports.spec.conditions.labelling import Labelling
from exports.spec.conditions.last_activity_at import LastActivityAt
from exports.spec.conditions.media_types import MediaTypes
from exports.spec.conditions.row_numbers import RowNumbers
from exports.spec.conditions.since_revision import SinceRevision
from exports.spec.conditions.statuses import Statuses
from exports.spec.conditions.updated_after import UpdatedAfter
from exports.spec.conditions.with_annotations import WithAnnotations
from exports.spec.conditions.workflow_status import WorkflowStatus

CONDITIONS: Registry[Condition[Any]] = Registry(
    "filter",
    {
        condition.key: condition
        for condition in (
            GlobalKeys(),
            DataRowIds(),
            RowNumbers(),
            DatasetIds(),
            BatchIds(),
            MediaTypes(),
            Statuses(),
            WorkflowStatus(),
            Labelling(),
            SinceRevision(),
            UpdatedAfter(),
            LastActivityAt(),
            WithAnnotations(),
            LabelCreatedAt(),
        )
    },
)

__all__ = [
    "CONDITIONS",
    "BatchIds",
    "Condition",
    "DataRowIds",
    "DatasetIds",
    "GlobalKeys",
    "LabelCreatedAt",
    "Labelling",
    "LastActivityAt",
    "MediaTypes",
    "RowNumbers",
    "SinceRevision",
    "Statuses",
    "UpdatedAfter",
    "WithAnnotations",
    "WorkflowStatus",
]
