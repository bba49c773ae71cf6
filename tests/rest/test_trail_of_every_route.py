"""Everybody gets what the permission matrix says, and whatever leaves or is refused is a line of the trail.

Every address of the site × every person. The table is the rule; who gets what stands in the permission matrix. An address, or a method of one, that has no rule
fails the test; so does a rule of no address. Each line: a rule, method and route, and what it leaves in the trail.

* ``hands-out``: row content, files, pictures, lists as files, the trail. To whoever gets it, exactly these lines.
* ``refuses``: hands out nothing of that. To look at it leaves no line; what changes has its own tests.
* ``harmless``: as that, and for everybody.

Whatever its rule: who is refused leaves exactly one line, in which is said that it was refused; and only what hands
out holds anything of a row or a picture.
"""

from __future__ import annotations

from typing import Final

import pytest
from django.test import Client

from exportadmin.audit.models import REFUSED, AuditEntry
from exportadmin.lib import counts
from exports.models import Download, ExportReport, Link
from tests.rest.test_permission_matrix import ACTORS, ROWS, client_of, send, told, undone, world  # noqa: F401 - a fixture
from tests.rest.world import Place, World
from tests.support.postgres import LEAVES_OUT

pytestmark = pytest.mark.django_db

TABLE = """
refuses   GET    api/v1/projects/
refuses   POST   api/v1/projects/
refuses   GET    api/v1/projects/<str:project_id>/
refuses   PATCH  api/v1/projects/<str:project_id>/
refuses   DELETE api/v1/projects/<str:project_id>/
refuses   GET    api/v1/projects/<str:project_id>/members/
refuses   PUT    api/v1/projects/<str:project_id>/members/<str:username>/
refuses   DELETE api/v1/projects/<str:project_id>/members/<str:username>/
refuses   POST   api/v1/projects/<str:project_id>/rows/delete/
refuses   GET    api/v1/connections/
refuses   POST   api/v1/connections/
refuses   GET    api/v1/connections/<str:connection_id>/
refuses   PATCH  api/v1/connections/<str:connection_id>/
refuses   DELETE api/v1/connections/<str:connection_id>/
refuses   POST   api/v1/connections/<str:connection_id>/test/
refuses   POST   api/v1/connections/<str:connection_id>/secrets/
refuses   POST   api/v1/connections/<str:connection_id>/disable/
refuses   POST   api/v1/connections/<str:connection_id>/enable/
refuses   GET    api/v1/connections/<str:connection_id>/grants/
refuses   POST   api/v1/connections/<str:connection_id>/grants/
refuses   DELETE api/v1/connections/<str:connection_id>/grants/<str:project_id>/
refuses   GET    api/v1/connections/<str:connection_id>/used-by/
refuses   GET    api/v1/connections/<str:connection_id>/remote-connections/
refuses   POST   api/v1/connections/<str:connection_id>/remote-connections/
refuses   DELETE api/v1/connections/<str:connection_id>/remote-connections/<str:remote_id>/
refuses   POST   api/v1/connections/<str:connection_id>/remote-connections/<str:remote_id>/test/
refuses   GET    connections/<str:connection_id>/remote-connections/
refuses   POST   connections/<str:connection_id>/remote-connections/
refuses   POST   connections/<str:connection_id>/remote-connections/test/
refuses   POST   connections/<str:connection_id>/remote-connections/delete/
refuses   GET    api/v1/connections/<str:connection_id>/projects/
refuses   POST   api/v1/connections/<str:connection_id>/projects/
refuses   GET    api/v1/projects/<str:project_id>/mirror/
refuses   PATCH  api/v1/projects/<str:project_id>/mirror/
refuses   GET    api/v1/projects/<str:project_id>/remote-exports/
refuses   GET    api/v1/projects/<str:project_id>/model-runs/
refuses   GET    api/v1/projects/<str:project_id>/model-runs/<str:run_id>/
refuses   DELETE api/v1/projects/<str:project_id>/model-runs/<str:run_id>/
hands-out GET    api/v1/projects/<str:project_id>/model-runs/<str:run_id>/comparison/ model_run.compared
refuses   POST   api/v1/projects/<str:project_id>/remote-exports/
refuses   GET    api/v1/syncs/
refuses   POST   api/v1/syncs/
refuses   GET    api/v1/syncs/<str:sync_id>/
hands-out GET    api/v1/syncs/<str:sync_id>/refused/                 sync.refused_read
refuses   POST   api/v1/syncs/<str:sync_id>/cancel/
refuses   GET    api/v1/imports/
refuses   POST   api/v1/imports/
refuses   GET    api/v1/imports/<str:import_id>/
refuses   PUT    api/v1/imports/<str:import_id>/content/
refuses   POST   api/v1/imports/<str:import_id>/cancel/
hands-out GET    api/v1/imports/<str:import_id>/refused/                   import.refused_read
refuses   GET    api/v1/people/
refuses   POST   api/v1/people/
refuses   GET    api/v1/people/<str:username>/
refuses   POST   api/v1/people/<str:username>/disable/
refuses   POST   api/v1/people/<str:username>/enable/
refuses   POST   api/v1/people/<str:username>/invitation/
refuses   GET    api/v1/tokens/
refuses   POST   api/v1/tokens/
refuses   POST   api/v1/tokens/<str:token_id>/revoke/
refuses   GET    api/v1/reports/
refuses   POST   api/v1/reports/
hands-out POST   api/v1/reports/plan/                                      export.planned
refuses   GET    api/v1/reports/status/
refuses   GET    api/v1/reports/grouped/
refuses   GET    api/v1/reports/<str:report_id>/
refuses   GET    api/v1/reports/<str:report_id>/wait/
refuses   POST   api/v1/reports/<str:report_id>/cancel/
refuses   GET    api/v1/reports/failures/
refuses   POST   api/v1/reports/failures/<str:key>/retry/
refuses   POST   api/v1/reports/<str:report_id>/retry/
refuses   POST   api/v1/reports/<str:report_id>/archive/
refuses   POST   api/v1/reports/<str:report_id>/unarchive/
refuses   POST   api/v1/reports/<str:report_id>/delete-files/
refuses   POST   api/v1/reports/<str:report_id>/convert/
refuses   GET    api/v1/reports/<str:report_id>/check-values/
refuses   POST   api/v1/reports/<str:report_id>/verify/
refuses   POST   api/v1/reports/<str:report_id>/prove/
refuses   GET    api/v1/reports/<str:report_id>/proofs/
refuses   GET    api/v1/proofs/<str:proof_id>/
refuses   POST   api/v1/proofs/<str:proof_id>/cancel/
hands-out GET    api/v1/reports/<str:report_id>/manifest/                  export.manifest_downloaded
hands-out GET    api/v1/reports/<str:report_id>/trail-proof/               export.trail_proof_downloaded
refuses   GET    api/v1/signing-keys/
refuses   GET    api/v1/verify.py
hands-out GET    api/v1/reports/<str:report_id>/rows/                      artifact.rows_read artifact.rows_read_ended
refuses   GET    api/v1/reports/<str:report_id>/artifacts/
refuses   GET    api/v1/artifacts/<str:artifact_id>/
hands-out GET    api/v1/artifacts/<str:artifact_id>/download/              artifact.downloaded artifact.download_ended
refuses   POST   api/v1/artifacts/<str:artifact_id>/links/
refuses   GET    api/v1/links/
refuses   POST   api/v1/links/<str:link_id>/revoke/
refuses   GET    api/v1/projects/<str:project_id>/datasets/
refuses   GET    api/v1/projects/<str:project_id>/batches/
refuses   GET    api/v1/projects/<str:project_id>/slices/
refuses   POST   api/v1/projects/<str:project_id>/slices/
refuses   GET    api/v1/slices/<str:slice_id>/
refuses   PUT    api/v1/slices/<str:slice_id>/
refuses   DELETE api/v1/slices/<str:slice_id>/
refuses   GET    api/v1/configs/
refuses   POST   api/v1/configs/
refuses   GET    api/v1/configs/<str:config_id>/
refuses   PUT    api/v1/configs/<str:config_id>/
refuses   DELETE api/v1/configs/<str:config_id>/
hands-out GET    api/v1/audit/                                             audit.read
hands-out GET    api/v1/audit/export/                                      audit.exported
refuses   POST   api/v1/audit/verify/
hands-out GET    api/v1/register/                                          audit.read
refuses   GET    api/v1/leftovers/
refuses   GET    api/v1/schema/
harmless  GET    api/v1/explorer/
harmless  GET    api/v1/^(?P<rest>.*)$
refuses   GET    dialects/labellerr/projects/project/<str:project_id>
refuses   GET    dialects/labellerr/project_drafts/projects/detailed_list
refuses   POST   dialects/labellerr/sdk/export/files
refuses   GET    dialects/labellerr/exports/list
refuses   POST   dialects/labellerr/exports/status
hands-out GET    dialects/labellerr/exports/download                       link.issued
refuses   POST   dialects/labellerr/connectors/connections/test
refuses   POST   dialects/labellerr/connectors/connections/create
refuses   GET    dialects/labellerr/connectors/connections/list
refuses   POST   dialects/labellerr/connectors/connections/delete
refuses   GET    dialects/labellerr/connectors/connections/<str:connection_id>/details
harmless  GET    dialects/labellerr/^(?P<rest>.*)$
harmless  POST   dialects/labellerr/^(?P<rest>.*)$
harmless  PUT    dialects/labellerr/^(?P<rest>.*)$
harmless  PATCH  dialects/labellerr/^(?P<rest>.*)$
harmless  DELETE dialects/labellerr/^(?P<rest>.*)$
refuses   POST   dialects/labelbox/graphql
refuses   POST   dialects/labelbox/_gql
hands-out GET    dialects/labelbox/chunks/<str:address>                    artifact.rows_read artifact.rows_read_ended
hands-out GET    dialects/labelbox/api/v1/tasks/<str:task_id>/masks/<int:place>/index/<int:index> artifact.rows_read
harmless  GET    dialects/labelbox/^(?P<rest>.*)$
harmless  POST   dialects/labelbox/^(?P<rest>.*)$
harmless  PUT    dialects/labelbox/^(?P<rest>.*)$
harmless  PATCH  dialects/labelbox/^(?P<rest>.*)$
harmless  DELETE dialects/labelbox/^(?P<rest>.*)$
harmless  GET    dialects/label_studio/api/version/
refuses   GET    dialects/label_studio/api/current-user/whoami/
refuses   POST   dialects/label_studio/api/token/
refuses   POST   dialects/label_studio/api/token/refresh/
refuses   GET    dialects/label_studio/api/projects/
refuses   GET    dialects/label_studio/api/projects/<int:project_pk>/
refuses   GET    dialects/label_studio/api/projects/<int:project_pk>/exports/
refuses   POST   dialects/label_studio/api/projects/<int:project_pk>/exports/
refuses   GET    dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/
refuses   DELETE dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/
refuses   POST   dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/convert/
hands-out GET    dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/download/ artifact.downloaded artifact.download_ended
hands-out GET    dialects/label_studio/api/projects/<int:project_pk>/export/ export.requested export.started export.completed artifact.downloaded artifact.download_ended
refuses   GET    dialects/label_studio/api/projects/<int:project_pk>/export/formats/
refuses   GET    dialects/label_studio/api/projects/<int:project_pk>/export/files/
refuses   GET    dialects/label_studio/api/dm/views/
refuses   POST   dialects/label_studio/api/dm/views/
refuses   GET    dialects/label_studio/api/dm/views/<int:view_pk>/
refuses   PATCH  dialects/label_studio/api/dm/views/<int:view_pk>/
refuses   DELETE dialects/label_studio/api/dm/views/<int:view_pk>/
harmless  GET    dialects/label_studio/^(?P<rest>.*)$
harmless  POST   dialects/label_studio/^(?P<rest>.*)$
harmless  PUT    dialects/label_studio/^(?P<rest>.*)$
harmless  PATCH  dialects/label_studio/^(?P<rest>.*)$
harmless  DELETE dialects/label_studio/^(?P<rest>.*)$
refuses   GET    dialects/diffgram/api/project/<str:project_string_id>/user/legacy/working_dir/view
refuses   POST   dialects/diffgram/api/project/<str:project_string_id>/user/sdk/file/list
refuses   POST   dialects/diffgram/api/v1/project/<str:project_string_id>/file/exists
refuses   GET    dialects/diffgram/api/v1/project/<str:project_string_id>/labels/view/name_to_file_id
refuses   GET    dialects/diffgram/api/v1/project/<str:project_string_id>/labels-schema
refuses   POST   dialects/diffgram/api/v1/project/<str:project_string_id>/directory/list
refuses   POST   dialects/diffgram/api/v1/job/list
refuses   POST   dialects/diffgram/api/v1/job/<int:job_id>/builder/info
hands-out POST   dialects/diffgram/api/walrus/project/<str:project_string_id>/export/to_file export.requested export.started export.completed artifact.downloaded artifact.download_ended
refuses   GET    dialects/diffgram/api/walrus/project/<str:project_string_id>/export/working_dir/list
hands-out POST   dialects/diffgram/api/walrus/project/<str:project_string_id>/export/link artifact.downloaded artifact.download_ended
refuses   GET    dialects/diffgram/api/walrus/project/<str:project_string_id>/export/<int:export_id>/status
refuses   POST   dialects/diffgram/api/walrus/project/<str:project_string_id>/export/update
harmless  GET    dialects/diffgram/^(?P<rest>.*)$
harmless  POST   dialects/diffgram/^(?P<rest>.*)$
harmless  PUT    dialects/diffgram/^(?P<rest>.*)$
harmless  PATCH  dialects/diffgram/^(?P<rest>.*)$
harmless  DELETE dialects/diffgram/^(?P<rest>.*)$

harmless  GET    (home)
refuses   GET    health/
harmless  GET    now/
harmless  GET    sign-in/
harmless  POST   sign-in/
harmless  POST   sign-out/
refuses   GET    imports/new/
refuses   POST   imports/new/
refuses   GET    imports/<str:import_id>/
refuses   GET    imports/<str:import_id>/progress/
refuses   POST   imports/<str:import_id>/cancel/
hands-out GET    imports/<str:import_id>/refused/                          import.refused_read
harmless  GET    exports/
hands-out GET    exports/list.csv                                          export.list_taken
harmless  GET    exports/selected/
refuses   POST   exports/selected/
harmless  GET    exports/failures/<str:key>/
refuses   POST   exports/failures/<str:key>/
refuses   GET    exports/active/
refuses   GET    exports/new/
refuses   POST   exports/new/
hands-out POST   exports/new/plan/                                         export.planned
refuses   GET    projects/<str:project_id>/slices/
refuses   GET    projects/<str:project_id>/slices/new/
refuses   POST   projects/<str:project_id>/slices/new/
refuses   GET    projects/<str:project_id>/slices/<str:slice_id>/
refuses   POST   projects/<str:project_id>/slices/<str:slice_id>/
refuses   POST   projects/<str:project_id>/slices/<str:slice_id>/delete/
harmless  GET    configs/
refuses   GET    configs/<str:config_id>/
refuses   GET    configs/<str:config_id>/edit/
refuses   POST   configs/<str:config_id>/edit/
refuses   POST   configs/<str:config_id>/run/
refuses   POST   configs/<str:config_id>/delete/
refuses   GET    exports/<str:report_id>/
refuses   GET    exports/<str:report_id>/progress/
hands-out GET    exports/<str:report_id>/preview/                          artifact.rows_read
refuses   GET    exports/<str:report_id>/compare/
refuses   POST   exports/<str:report_id>/prove/
refuses   GET    exports/<str:report_id>/proof/
refuses   POST   exports/<str:report_id>/proof/<str:proof_id>/cancel/
refuses   POST   exports/<str:report_id>/cancel/
refuses   POST   exports/<str:report_id>/retry/
refuses   POST   exports/<str:report_id>/archive/
refuses   POST   exports/<str:report_id>/unarchive/
refuses   POST   exports/<str:report_id>/convert/
refuses   POST   exports/<str:report_id>/delete-files/
hands-out GET    exports/<str:report_id>/files/<path:name>/                artifact.downloaded artifact.download_ended
harmless  GET    exports/l/<str:token>/
hands-out GET    exports/<str:report_id>/register/                         audit.read
hands-out GET    exports/<str:report_id>/manifest.json                     export.manifest_downloaded
hands-out GET    exports/<str:report_id>/trail-proof.json                  export.trail_proof_downloaded
hands-out GET    exports/l/<str:token>/manifest.json                       artifact.receipt_downloaded
harmless  GET    exports/l/<str:token>/verify.py
hands-out GET    exports/l/<str:token>/file                                artifact.downloaded artifact.download_ended
harmless  GET    links/
refuses   GET    links/new/<str:artifact_id>/
refuses   POST   links/new/<str:artifact_id>/
refuses   GET    links/<str:link_id>/
refuses   POST   links/<str:link_id>/revoke/
harmless  GET    connections/
refuses   GET    connections/new/
refuses   POST   connections/new/
refuses   GET    connections/<str:connection_id>/
refuses   GET    connections/<str:connection_id>/edit/
refuses   POST   connections/<str:connection_id>/edit/
refuses   GET    connections/<str:connection_id>/secrets/
refuses   POST   connections/<str:connection_id>/secrets/
refuses   POST   connections/<str:connection_id>/test/
refuses   GET    connections/<str:connection_id>/steps/
refuses   POST   connections/<str:connection_id>/disable/
refuses   POST   connections/<str:connection_id>/enable/
refuses   GET    connections/<str:connection_id>/delete/
refuses   POST   connections/<str:connection_id>/delete/
refuses   POST   connections/<str:connection_id>/grant/
refuses   POST   connections/<str:connection_id>/revoke/<str:project_id>/
harmless  GET    projects/
refuses   GET    projects/new/
refuses   POST   projects/new/
refuses   GET    projects/<str:project_id>/
refuses   POST   projects/<str:project_id>/
refuses   GET    projects/<str:project_id>/delete/
refuses   GET    projects/<str:project_id>/rows/delete/
refuses   POST   projects/<str:project_id>/rows/delete/
refuses   POST   projects/<str:project_id>/delete/
refuses   GET    projects/<str:project_id>/members/
refuses   GET    projects/<str:project_id>/sdk/<str:dialect>/
refuses   POST   projects/<str:project_id>/sdk/<str:dialect>/
refuses   POST   projects/<str:project_id>/members/
refuses   POST   projects/<str:project_id>/members/<int:user_id>/change/
refuses   POST   projects/<str:project_id>/members/<int:user_id>/remove/
refuses   GET    connections/<str:connection_id>/projects/
refuses   POST   connections/<str:connection_id>/projects/
hands-out GET    projects/<str:project_id>/model-runs/<str:run_id>/ model_run.compared
refuses   GET    projects/<str:project_id>/model-runs/<str:run_id>/delete/
refuses   POST   projects/<str:project_id>/model-runs/<str:run_id>/delete/
refuses   GET    projects/<str:project_id>/exports-there/
refuses   POST   projects/<str:project_id>/exports-there/
refuses   POST   projects/<str:project_id>/mirror/
refuses   POST   projects/<str:project_id>/sync/
refuses   GET    exports/new/platform/
refuses   POST   exports/new/platform/
refuses   GET    syncs/
refuses   GET    syncs/<str:sync_id>/
refuses   GET    syncs/<str:sync_id>/progress/
hands-out GET    syncs/<str:sync_id>/refused/                        sync.refused_read
refuses   POST   syncs/<str:sync_id>/cancel/
refuses   GET    people/
refuses   GET    people/invite/
refuses   POST   people/invite/
refuses   GET    people/<int:user_id>/
refuses   POST   people/<int:user_id>/invitation/
refuses   POST   people/<int:user_id>/role/
refuses   POST   people/<int:user_id>/disable/
refuses   POST   people/<int:user_id>/enable/
refuses   GET    account/invitation/<str:invitation>/
refuses   POST   account/invitation/<str:invitation>/
harmless  GET    account/
harmless  POST   account/profile/
harmless  POST   account/preferences/
harmless  GET    account/password/
harmless  POST   account/password/
harmless  GET    account/tokens/
refuses   POST   account/tokens/
refuses   POST   account/tokens/<str:token_id>/revoke/
hands-out GET    audit/                                                    audit.read
hands-out GET    audit/export/                                             audit.exported
refuses   POST   audit/verify/
hands-out GET    audit/register/                                           audit.read
refuses   GET    audit/questions/
hands-out GET    audit/questions/<slug:slug>/                              audit.read
hands-out GET    audit/<int:sequence>/                                     audit.read
harmless  GET    help/
harmless  GET    help/formats/
harmless  GET    help/files/
harmless  GET    help/filters/
harmless  GET    help/connections/
harmless  GET    help/statuses/
harmless  GET    help/check-values/
harmless  GET    help/roles/
harmless  GET    help/verify.py
harmless  GET    help/rest/
harmless  GET    help/sdk/
hands-out GET    media/<str:project_id>/<str:name>                         project.pictures_seen
harmless  GET    healthz
harmless  GET    readyz
refuses   GET    metrics
"""
HANDS_OUT, REFUSES, HARMLESS = "hands-out", "refuses", "harmless"
# who may see what: the rest are strangers to it
SEES: Final = {"own": ("rita", "oscar", "alice", "sue"), "foreign": ("sue",)}


def rules() -> dict[str, tuple[str, list[str]]]:
    """``"GET route"`` → rule, events."""
    found = {}
    for line in TABLE.strip().splitlines():
        if line:
            rule, method, route, *events = line.split()
            found[f"{method} {'' if route == '(home)' else route}"] = (rule, events)
    # Django's admin shows superusers what is kept of things, and nothing of what is in rows or in the trail
    found.update({row: (REFUSES, []) for row in ROWS if row.startswith("GET admin/")})
    return found


RULES = rules()
# answered with what the person may see, and the rest as unknown
UNKNOWN: Final = ("GET api/v1/reports/status/", "GET exports/active/", "POST exports/selected/")

# whoever may see the project is told that this one mirrors nothing, and that no row of its sync was refused
ABSENT: Final = (
    "GET api/v1/projects/<str:project_id>/mirror/",
    "POST projects/<str:project_id>/mirror/",
    "GET api/v1/syncs/<str:sync_id>/refused/",
    "GET syncs/<str:sync_id>/refused/",
)


def test_every_address_and_method_has_a_rule_and_every_rule_an_address():
    assert set(ROWS) - set(RULES) == set(), "no rule in the table"
    assert set(RULES) - set(ROWS) == set(), "a rule of no address"
    assert {rule for rule, _ in RULES.values()} == {HANDS_OUT, REFUSES, HARMLESS}
    assert all(bool(events) == (rule == HANDS_OUT) for rule, events in RULES.values())


# what stands in rows and pictures of the world, and nowhere beside them
CONTENT: Final = (b"img.example.test", b"\x89PNG")


def lines_of(client: Client, row: str, place: Place, world: World) -> tuple[int, bytes, list[AuditEntry]]:  # noqa: F811
    """Status, body, and what the trail tells of it, as for the first time; what it changed is undone."""
    counts.file().unlink(missing_ok=True)
    with undone():
        before = AuditEntry.objects.values_list("sequence", flat=True).first() or 0
        status, said = send(client, row, place, world)
        return status, said, list(AuditEntry.objects.filter(sequence__gt=before).order_by("sequence"))


def expected(row: str, status: int, actor: str | None, where: str) -> str:
    """``refused``, ``handed out``, ``nothing`` or ``whatever`` (a change, which has tests of its own)."""
    rule, _ = RULES[row]
    method, _, route = row.partition(" ")
    is_page = not route.startswith(("api/v1/", "dialects/")) or "explorer" in route
    if actor is None and is_page and status == 302:
        return "nothing"  # asked to sign in first
    if status in (401, 403, 410):
        return REFUSED
    if status == 404 and row in ABSENT and actor in SEES[where]:
        return "nothing" if method == "GET" else "whatever"
    if status == 404 and rule != HARMLESS and (actor != "sue" or route == "metrics"):
        return REFUSED
    if row in UNKNOWN and actor not in SEES[where]:
        return REFUSED
    if rule == HANDS_OUT and status < 400:
        return "handed out"
    return "nothing" if method == "GET" and not route.startswith("admin/") else "whatever"


@pytest.mark.parametrize("row", RULES)
def test_everybody_gets_what_the_matrix_says_and_what_leaves_or_is_refused_is_a_line(row: str, world: World):  # noqa: F811
    """On PostgreSQL those ask who get the furthest into it: who is refused is so before anything is asked of it."""
    actors = ACTORS[-2:] if LEAVES_OUT else ACTORS
    at_home, elsewhere = (codes and codes[-len(actors) :] for codes in ROWS[row])
    seen: dict[str, list[int]] = {"own": [], "foreign": []}
    leaks, wrong = [], []
    for actor in actors:
        client = client_of(row, actor, world)
        for where, place in (("own", world.own), ("foreign", world.foreign)):
            if where == "foreign" and elsewhere is None:
                continue
            status, said, lines = lines_of(client, row, place, world)
            seen[where].append(status)
            leaks += [
                (actor, where, name) for each in hidden_from(actor, row, world) for name in told(said, row, each, world)
            ]
            events = [(line.event, line.outcome) for line in lines]
            wanted = expected(row, status, actor, where)
            is_right = {
                REFUSED: [outcome for _, outcome in events] == [REFUSED],
                "handed out": events == [(event, "done") for event in RULES[row][1]],
                "nothing": events == [],
                "whatever": True,
            }[wanted]
            if not is_right:
                wrong.append((actor, where, status, wanted, events))
            if wanted != "handed out" and any(content in said for content in CONTENT):
                wrong.append((actor, where, status, "nothing of a row or a picture", events))
    assert seen == {"own": at_home, "foreign": elsewhere or []}
    assert leaks == []
    assert wrong == []


# of which a GET can make one
THINGS: Final = (ExportReport, Link, Download)


def test_a_head_hands_out_nothing_changes_nothing_and_leaves_no_line_but_a_refusal(world: World):  # noqa: F811
    """Of whatever hands out, to whoever gets everything and to whoever gets nothing. Of others a GET leaves no line."""
    wrong = []
    for row in (each for each, (rule, _) in RULES.items() if rule == HANDS_OUT and each.startswith("GET ")):
        for actor in ("sue", "mallory"):
            client = client_of(row, actor, world)
            counts.file().unlink(missing_ok=True)
            with undone():
                was = [model.objects.count() for model in (AuditEntry, *THINGS)]
                status, said = send(client, row, world.own, world, head=True)
                outcomes = list(AuditEntry.objects.order_by("sequence").values_list("outcome", flat=True)[was[0] :])
                made = [model.objects.count() for model in THINGS] != was[1:]
            lines = [REFUSED] if expected(row, status, actor, "own") == REFUSED else []
            if (status, outcomes, said, made) != (ROWS[row][0][ACTORS.index(actor)], lines, b"", False):
                wrong.append((row, actor, status, outcomes, said[:80], made))
    assert wrong == []


def hidden_from(actor: str | None, row: str, world: World) -> list[Place]:  # noqa: F811
    """The places of which the person learns nothing."""
    if "exports/l/" in row or "chunks/" in row:  # whoever holds a link sees the file's name
        return []
    foreign = [] if actor == "sue" else [world.foreign]
    return foreign if actor in SEES["own"] else [*foreign, world.own]
