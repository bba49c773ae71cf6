"""Operations of Labelbox's SDK 7.17, as they were recorded, without it."""

from __future__ import annotations

from typing import Any, Final

from exports.models import ExportReport
from tests.rest.world import Rest, World

GRAPHQL: Final = "/dialects/labelbox/graphql"
GET_PROJECT: Final = (
    "query GetProjectPyApi($param_0: ID!){project(where: {id: $param_0}){autoAuditNumberOfLabels autoAuditPercentage"
    " createdAt dataRowCount description editorTaskType isBenchmarkEnabled isConsensusEnabled lastActivityTime"
    " allowedMediaType modelSetupComplete name setupComplete id updatedAt uploadType queueMode}}"
)
GET_PROJECTS: Final = (
    "query GetProjectsPyApi($param_0: String!, $param_1: Boolean!){projects(where: {AND: [{name: $param_0},"
    " {deleted: $param_1}]} skip: 0 first: 100){id name}}"
)
GET_USER: Final = (
    "query GetUserPyApi{user{createdAt email isExternalUser isViewer lastLoginAt nickname name picture id updatedAt}}"
)
EXPORT_PROJECT: Final = (
    "mutation exportDataRowsInProjectPyApi($input: ExportDataRowsInProjectInput!)"
    "{exportDataRowsInProject(input: $input){taskId isStreamable}}"
)
EXPORT_CATALOG: Final = EXPORT_PROJECT.replace("InProject", "InCatalog")
EXPORT_SLICE: Final = EXPORT_PROJECT.replace("InProject", "InSlice")
EXPORT_MODEL_RUN: Final = EXPORT_PROJECT.replace("InProject", "InModelRun")
GET_DATASET: Final = (
    "query GetDatasetPyApi($param_0: ID!)"
    "{dataset(where: {id: $param_0}){createdAt description name rowCount id updatedAt}}"
)
GET_SLICE: Final = (
    "query getSavedQueryPyApi($id: ID!) { getSavedQuery(id: $id) { id name description filter createdAt updatedAt } }"
)
# the name is written so
GET_SLICE_ROWS: Final = """
            query getDataRowIdenfifiersBySavedQueryPyApi($id: ID!, $from: String, $first: Int!) {
                getDataRowIdentifiersBySavedQuery(input: {
                    savedQueryId: $id,
                    after: $from
                    first: $first
                }) {
                    totalCount
                    nodes
                    {
                        id
                        globalKey
                    }
                    pageInfo {
                        endCursor
                        hasNextPage
                    }
                }
            }
        """
GET_MODEL_RUN: Final = (
    "query GetModelRunPyApi($param_0: ID!)"
    "{modelRun(where: {id: $param_0}){createdAt createdBy modelAppId modelId name trainingMetadata id updatedAt}}"
)
GET_BATCHES: Final = (
    "query GetProjectBatchesPyApi($from: String, $first: PageSize, $projectId: ID!)"
    " { project(where: {id: $projectId}) {id batches(after: $from, first: $first)"
    " { nodes { consensusSettingsJson createdAt name size id updatedAt } pageInfo { endCursor }}}}"
)
_TASK_FIELDS: Final = "completionPercentage createdAt errors metadata name result status status type id updatedAt"
# the three shapes of one operation: poll, list, and look for cancelling
POLL: Final = (
    "query GetUserCreatedTasksPyApi($param_0: ID!, $param_1: ID!){user(where: {id: $param_1})"
    "{createdTasks(where: {id: $param_0} skip: 0 first: 100){" + _TASK_FIELDS + "}}}"
)
LIST_TASKS: Final = (
    "query GetUserCreatedTasksPyApi($param_0: ID!){user(where: {id: $param_0})"
    "{createdTasks(skip: 0 first: 100){" + _TASK_FIELDS + "}}}"
)
TASKS_IN_STATE: Final = (
    "query GetOrganizationTasksPyApi($param_0: TaskStatus!, $param_1: ID!){organization(where: {id: $param_1})"
    "{tasks(where: {status: $param_0} skip: 0 first: 100){" + _TASK_FIELDS + "}}}"
)
GET_TASK: Final = (
    "\n query GetUserCreatedTasksPyApi($userId: ID!, $taskId: ID!) {\n user(where: {id: $userId}) {\n"
    " createdTasks(where: {id: $taskId} skip: 0 first: 1) {\n " + _TASK_FIELDS + "\n}\n}\n}\n"
)
CANCEL: Final = "mutation CancelTaskPyApi($id: ID!) { cancelBulkOperationJob(id: $id) { success } }"
HEADER: Final = (
    "query GetExportMetadataHeaderPyApi($where: WhereUniqueIdInput, $streamType: TaskStreamType!)"
    "{task(where: $where){exportMetadataHeader(streamType: $streamType){totalSize totalLines}}}"
)
FROM_OFFSET: Final = (
    "query GetExportFileFromOffsetPyApi($where: WhereUniqueIdInput, $streamType: TaskStreamType!, $offset: UInt64!)"
    "{task(where: $where){exportFileFromOffset(streamType: $streamType, offset: $offset)"
    "{offsets {start end} lines {start end} file}}}"
)
FROM_LINE: Final = FROM_OFFSET.replace("Offset", "Line").replace("$offset", "$line").replace("offset: ", "line: ")
# what the SDK sends where nothing was asked for
PARAMS: Final = {
    "mediaTypeOverride": None,
    "includeAttachments": False,
    "includeEmbeddings": False,
    "includeMetadata": False,
    "includeDataRowDetails": False,
    "includeProjectDetails": False,
    "includePerformanceDetails": False,
    "includeLabelDetails": False,
    "includeInterpolatedFrames": False,
}


def ask(client: Rest, query: str, variables: Any = None) -> Any:
    """The answer, whatever it is."""
    return client.post(GRAPHQL, {"query": query, "variables": variables})


def data(client: Rest, query: str, variables: Any = None) -> Any:
    """What an operation gives."""
    answer = ask(client, query, variables)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def error(client: Rest, query: str, variables: Any = None) -> tuple[str, str]:
    """``(code, message)`` of one that was refused."""
    answer = ask(client, query, variables).json()
    assert answer["data"] is None
    (found,) = answer["errors"]
    return found["extensions"]["code"], found["message"]


def project_input(world: World, *query: Any, name: str | None = None, **params: Any) -> dict[str, Any]:
    """The input of an export of the own project."""
    return {
        "taskName": name,
        "isStreamableReady": True,
        "streamable": True,
        "filters": {"projectId": world.own.project.public_id, "searchQuery": {"scope": None, "query": list(query)}},
        "params": PARAMS | params,
    }


def export(client: Rest, world: World, *query: Any, **more: Any) -> ExportReport:
    """The report of an export of the own project."""
    made = data(client, EXPORT_PROJECT, {"input": project_input(world, *query, **more)})["exportDataRowsInProject"]
    assert made["isStreamable"] is True
    return ExportReport.objects.get(report_id=made["taskId"])


def stream(report: ExportReport, kind: str = "RESULT", **more: Any) -> dict[str, Any]:
    """Variables of what is asked of a stream."""
    return {"where": {"id": report.report_id}, "streamType": kind, **more}


def catalog_input(*query: Any, name: str | None = None, **params: Any) -> dict[str, Any]:
    """The input of an export of data rows."""
    beside = {
        "includePredictions": False,
        "projectIds": None,
        "modelRunIds": None,
        "allProjects": False,
        "allModelRuns": False,
    }
    return {
        "taskName": name,
        "isStreamableReady": True,
        "streamable": True,
        "filters": {"searchQuery": {"scope": None, "query": list(query)}},
        "params": PARAMS | beside | params,
    }


def of_dataset(dataset: str) -> dict[str, Any]:
    """The last element of a dataset's export."""
    return {"ids": [dataset], "operator": "is", "type": "dataset"}
