"""Who may do what: every address of the site × every person × a project of theirs and one that is not.

The table is the rule. An address, or a method of one, that has no row fails the test; so does a row of no address.
Each line: method, route, then the statuses for anonymous, mallory, rita (reviewer), oscar (operator), alice (admin) and
sue (superuser), first with what belongs to their project, then with what belongs to another one. ``-``: no object in it.
``test_trail_of_every_route.py`` asks every line of it, once for what is answered and for what the trail tells of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test import Client, override_settings

from connections.access.roles import ROLES, SCOPES
from connections.connection_actions import create_connection, grant_connection
from connections.models import Connection
from connections.store.models import StoreRow
from exportadmin.runs import statuses
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import claim
from exports import actions, config_actions
from exports.dialects.diffgram import views as diffgram_views
from exports.dialects.label_studio import views
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.connections import toy
from tests.rest.routes import FORMS, address, body, query, routes
from tests.rest.world import PEOPLE, SHELL, Place, Rest, World, whole

pytestmark = pytest.mark.django_db

TABLE = """
GET    api/v1/projects/                                                  401 200 200 200 200 200 -
POST   api/v1/projects/                                                  401 403 403 403 201 201 -
GET    api/v1/projects/<str:project_id>/                                 401 404 200 200 200 200  401 404 404 404 404 200
PATCH  api/v1/projects/<str:project_id>/                                 401 404 403 403 200 200  401 404 404 404 404 200
DELETE api/v1/projects/<str:project_id>/                                 401 404 403 403 409 409  401 404 404 404 404 409
GET    api/v1/projects/<str:project_id>/members/                         401 404 200 200 200 200  401 404 404 404 404 200
PUT    api/v1/projects/<str:project_id>/members/<str:username>/          401 404 403 403 200 200  401 404 404 404 404 200
DELETE api/v1/projects/<str:project_id>/members/<str:username>/          401 404 403 403 204 204  401 404 404 404 404 404
POST   api/v1/projects/<str:project_id>/rows/delete/                     401 404 403 403 200 200  401 404 404 404 404 200
GET    api/v1/connections/                                               401 200 200 200 200 200 -
POST   api/v1/connections/                                               401 403 403 403 403 201 -
GET    api/v1/connections/<str:connection_id>/                           401 404 200 200 200 200  401 404 404 404 404 200
PATCH  api/v1/connections/<str:connection_id>/                           401 404 403 403 403 200  401 404 404 404 404 200
DELETE api/v1/connections/<str:connection_id>/                           401 404 403 403 403 204  401 404 404 404 404 204
POST   api/v1/connections/<str:connection_id>/test/                      401 404 403 403 200 200  401 404 404 404 404 200
POST   api/v1/connections/<str:connection_id>/secrets/                   401 404 403 403 403 200  401 404 404 404 404 200
POST   api/v1/connections/<str:connection_id>/disable/                   401 404 403 403 403 200  401 404 404 404 404 200
POST   api/v1/connections/<str:connection_id>/enable/                    401 404 403 403 403 200  401 404 404 404 404 200
GET    api/v1/connections/<str:connection_id>/grants/                    401 404 200 200 200 200  401 404 404 404 404 200
POST   api/v1/connections/<str:connection_id>/grants/                    401 404 403 403 403 201  401 404 404 404 404 201
DELETE api/v1/connections/<str:connection_id>/grants/<str:project_id>/   401 404 403 403 403 204  401 404 404 404 404 204
GET    api/v1/connections/<str:connection_id>/used-by/                   401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/connections/<str:connection_id>/projects/                  401 404 403 403 403 400  401 404 404 404 404 400
POST   api/v1/connections/<str:connection_id>/projects/                  401 404 403 403 403 400  401 404 404 404 404 400
GET    api/v1/connections/<str:connection_id>/remote-connections/        401 404 403 403 403 400  401 404 404 404 404 400
POST   api/v1/connections/<str:connection_id>/remote-connections/        401 404 403 403 403 400  401 404 404 404 404 400
DELETE api/v1/connections/<str:connection_id>/remote-connections/<str:remote_id>/ 401 404 403 403 403 400  401 404 404 404 404 400
POST   api/v1/connections/<str:connection_id>/remote-connections/<str:remote_id>/test/ 401 404 403 403 403 400  401 404 404 404 404 400
GET    api/v1/projects/<str:project_id>/mirror/                          401 404 404 404 404 404  401 404 404 404 404 404
PATCH  api/v1/projects/<str:project_id>/mirror/                          401 404 403 403 400 400  401 404 404 404 404 400
GET    api/v1/syncs/                                                     401 200 200 200 200 200 -
POST   api/v1/syncs/                                                     401 404 403 400 400 400  401 404 404 404 404 400
GET    api/v1/syncs/<str:sync_id>/                                       401 404 200 200 200 200  401 404 404 404 404 200
POST   api/v1/syncs/<str:sync_id>/cancel/                                401 404 403 202 202 202  401 404 404 404 404 202
GET    api/v1/syncs/<str:sync_id>/refused/                               401 404 403 404 404 404  401 404 404 404 404 404
GET    api/v1/imports/                                                   401 200 200 200 200 200 -
POST   api/v1/imports/                                                   401 404 403 403 201 201  401 404 404 404 404 201
GET    api/v1/imports/<str:import_id>/                                   401 404 200 200 200 200  401 404 404 404 404 200
PUT    api/v1/imports/<str:import_id>/content/                           401 404 403 403 400 400  401 404 404 404 404 400
POST   api/v1/imports/<str:import_id>/cancel/                            401 404 403 403 202 202  401 404 404 404 404 202
GET    api/v1/imports/<str:import_id>/refused/                           401 404 403 200 200 200  401 404 404 404 404 200
GET    api/v1/tokens/                                                    401 200 200 200 200 200 -
POST   api/v1/tokens/                                                    401 404 201 201 201 201  401 404 404 404 404 201
POST   api/v1/tokens/<str:token_id>/revoke/                              401 404 404 404 200 200  401 404 404 404 404 200
GET    api/v1/reports/                                                   401 200 200 200 200 200 -
GET    api/v1/people/                                                    401 403 403 403 403 200 -
POST   api/v1/people/                                                    401 403 403 403 403 201 -
GET    api/v1/people/<str:username>/                                     401 403 403 403 403 200 -
POST   api/v1/people/<str:username>/disable/                             401 403 403 403 403 200 -
POST   api/v1/people/<str:username>/enable/                              401 403 403 403 403 200 -
POST   api/v1/people/<str:username>/invitation/                          401 403 403 403 403 201 -
POST   api/v1/reports/                                                   401 404 403 202 202 202  401 404 404 404 404 202
POST   api/v1/reports/plan/                                              401 404 403 200 200 200  401 404 404 404 404 200
GET    api/v1/reports/status/                                            401 200 200 200 200 200  401 200 200 200 200 200
GET    api/v1/reports/grouped/                                           401 200 200 200 200 200 -
GET    api/v1/reports/<str:report_id>/                                   401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/reports/<str:report_id>/wait/                              401 404 200 200 200 200  401 404 404 404 404 200
POST   api/v1/reports/<str:report_id>/cancel/                            401 404 403 202 202 202  401 404 404 404 404 202
GET    api/v1/reports/failures/                                          401 200 200 200 200 200 -
POST   api/v1/reports/failures/<str:key>/retry/                          401 409 409 409 409 409 -
POST   api/v1/reports/<str:report_id>/retry/                             401 404 403 202 202 202  401 404 404 404 404 202
POST   api/v1/reports/<str:report_id>/archive/                           401 404 403 200 200 200  401 404 404 404 404 200
POST   api/v1/reports/<str:report_id>/unarchive/                         401 404 403 200 200 200  401 404 404 404 404 200
POST   api/v1/reports/<str:report_id>/delete-files/                      401 404 403 403 200 200  401 404 404 404 404 200
POST   api/v1/reports/<str:report_id>/convert/                           401 404 403 202 202 202  401 404 404 404 404 202
GET    api/v1/reports/<str:report_id>/check-values/                      401 404 200 200 200 200  401 404 404 404 404 200
POST   api/v1/reports/<str:report_id>/verify/                            401 404 200 200 200 200  401 404 404 404 404 200
POST   api/v1/reports/<str:report_id>/prove/                             401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/reports/<str:report_id>/proofs/                            401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/proofs/<str:proof_id>/                                     401 404 200 200 200 200  401 404 404 404 404 200
POST   api/v1/proofs/<str:proof_id>/cancel/                              401 404 403 202 202 202  401 404 404 404 404 202
GET    api/v1/reports/<str:report_id>/manifest/                          401 404 403 200 200 200  401 404 404 404 404 200
GET    api/v1/reports/<str:report_id>/trail-proof/                       401 404 403 200 200 200  401 404 404 404 404 200
GET    api/v1/signing-keys/                                              401 200 200 200 200 200 -
GET    api/v1/verify.py                                                  401 200 200 200 200 200 -
GET    api/v1/reports/<str:report_id>/rows/                              401 404 403 200 200 200  401 404 404 404 404 200
GET    api/v1/reports/<str:report_id>/artifacts/                         401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/artifacts/<str:artifact_id>/                               401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/artifacts/<str:artifact_id>/download/                      401 404 403 200 200 200  401 404 404 404 404 200
POST   api/v1/artifacts/<str:artifact_id>/links/                         401 404 403 201 201 201  401 404 404 404 404 201
GET    api/v1/links/                                                     401 200 200 200 200 200 -
POST   api/v1/links/<str:link_id>/revoke/                                401 404 403 200 200 200  401 404 404 404 404 200
GET    api/v1/configs/                                                   401 200 200 200 200 200 -
POST   api/v1/configs/                                                   401 404 403 201 201 201  401 404 404 404 404 201
GET    api/v1/configs/<str:config_id>/                                   401 404 200 200 200 200  401 404 404 404 404 200
PUT    api/v1/configs/<str:config_id>/                                   401 404 403 200 200 200  401 404 404 404 404 200
DELETE api/v1/configs/<str:config_id>/                                   401 404 403 204 204 204  401 404 404 404 404 204
GET    api/v1/projects/<str:project_id>/datasets/                        401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/projects/<str:project_id>/batches/                         401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/projects/<str:project_id>/slices/                          401 404 200 200 200 200  401 404 404 404 404 200
POST   api/v1/projects/<str:project_id>/slices/                          401 404 403 201 201 201  401 404 404 404 404 201
GET    api/v1/slices/<str:slice_id>/                                     401 404 200 200 200 200  401 404 404 404 404 200
PUT    api/v1/slices/<str:slice_id>/                                     401 404 403 200 200 200  401 404 404 404 404 200
DELETE api/v1/slices/<str:slice_id>/                                     401 404 403 204 204 204  401 404 404 404 404 204
GET    api/v1/audit/                                                     401 403 200 403 200 200 -
GET    api/v1/audit/export/                                              401 403 200 403 200 200 -
POST   api/v1/audit/verify/                                              401 403 200 403 200 200 -
GET    api/v1/register/                                                  401 403 200 403 200 200 -
GET    api/v1/leftovers/                                                 401 403 403 403 403 200 -
GET    api/v1/schema/                                                    401 200 200 200 200 200 -
GET    api/v1/explorer/                                                  302 200 200 200 200 200 -
GET    api/v1/^(?P<rest>.*)$                                             404 404 404 404 404 404 -

# --- dialects: signed in as their own clients are
GET    dialects/labellerr/projects/project/<str:project_id>              401 404 200 200 200 200  401 404 404 404 404 200
GET    dialects/labellerr/project_drafts/projects/detailed_list          401 200 200 200 200 200 -
POST   dialects/labellerr/sdk/export/files                               401 404 403 200 200 200  401 404 404 404 404 200
GET    dialects/labellerr/exports/list                                   401 404 200 200 200 200  401 404 404 404 404 200
POST   dialects/labellerr/exports/status                                 401 404 200 200 200 200  401 404 404 404 404 200
GET    dialects/labellerr/exports/download                               401 404 403 200 200 200  401 404 404 404 404 200
POST   dialects/labellerr/connectors/connections/test                    401 404 403 403 200 200  401 404 404 404 404 200
POST   dialects/labellerr/connectors/connections/create                  401 400 400 400 400 400 -
GET    dialects/labellerr/connectors/connections/list                    401 200 200 200 200 200 -
POST   dialects/labellerr/connectors/connections/delete                  401 404 403 403 403 200  401 404 404 404 404 200
GET    dialects/labellerr/connectors/connections/<str:connection_id>/details 401 404 200 200 200 200  401 404 404 404 404 200
GET    dialects/labellerr/^(?P<rest>.*)$                                 404 404 404 404 404 404 -
POST   dialects/labellerr/^(?P<rest>.*)$                                 404 404 404 404 404 404 -
PUT    dialects/labellerr/^(?P<rest>.*)$                                 404 404 404 404 404 404 -
PATCH  dialects/labellerr/^(?P<rest>.*)$                                 404 404 404 404 404 404 -
DELETE dialects/labellerr/^(?P<rest>.*)$                                 404 404 404 404 404 404 -
POST   dialects/labelbox/graphql                                         401 404 200 200 200 200  401 404 404 404 404 200
POST   dialects/labelbox/_gql                                            401 404 403 200 200 200  401 404 404 404 404 200
GET    dialects/labelbox/chunks/<str:address>                            200 200 200 200 200 200  200 200 200 200 200 200
GET    dialects/labelbox/api/v1/tasks/<str:task_id>/masks/<int:place>/index/<int:index> 401 404 403 200 200 200  401 404 404 404 404 200
GET    dialects/labelbox/^(?P<rest>.*)$                                  404 404 404 404 404 404 -
POST   dialects/labelbox/^(?P<rest>.*)$                                  404 404 404 404 404 404 -
PUT    dialects/labelbox/^(?P<rest>.*)$                                  404 404 404 404 404 404 -
PATCH  dialects/labelbox/^(?P<rest>.*)$                                  404 404 404 404 404 404 -
DELETE dialects/labelbox/^(?P<rest>.*)$                                  404 404 404 404 404 404 -
GET    dialects/label_studio/api/version/                                200 200 200 200 200 200 -
GET    dialects/label_studio/api/current-user/whoami/                    401 200 200 200 200 200 -
POST   dialects/label_studio/api/token/                                  401 201 201 201 201 201 -
POST   dialects/label_studio/api/token/refresh/                          401 401 401 401 401 401 -
GET    dialects/label_studio/api/projects/                               401 200 200 200 200 200 -
GET    dialects/label_studio/api/projects/<int:project_pk>/          401 404 200 200 200 200  401 404 404 404 404 200
GET    dialects/label_studio/api/projects/<int:project_pk>/exports/  401 404 200 200 200 200  401 404 404 404 404 200
POST   dialects/label_studio/api/projects/<int:project_pk>/exports/  401 404 403 201 201 201  401 404 404 404 404 201
GET    dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/ 401 404 200 200 200 200  401 404 404 404 404 200
DELETE dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/ 401 404 403 204 204 204  401 404 404 404 404 204
POST   dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/convert/ 401 404 403 200 200 200  401 404 404 404 404 200
GET    dialects/label_studio/api/projects/<int:project_pk>/exports/<int:export_pk>/download/ 401 404 403 200 200 200  401 404 404 404 404 200
GET    dialects/label_studio/api/projects/<int:project_pk>/export/   401 404 403 200 200 200  401 404 404 404 404 200
GET    dialects/label_studio/api/projects/<int:project_pk>/export/formats/ 401 404 200 200 200 200  401 404 404 404 404 200
GET    dialects/label_studio/api/projects/<int:project_pk>/export/files/ 401 404 200 200 200 200  401 404 404 404 404 200
GET    dialects/label_studio/api/dm/views/                               401 404 200 200 200 200  401 404 404 404 404 200
POST   dialects/label_studio/api/dm/views/                               401 404 403 201 201 201  401 404 404 404 404 201
GET    dialects/label_studio/api/dm/views/<int:view_pk>/             401 404 200 200 200 200  401 404 404 404 404 200
PATCH  dialects/label_studio/api/dm/views/<int:view_pk>/             401 404 403 200 200 200  401 404 404 404 404 200
DELETE dialects/label_studio/api/dm/views/<int:view_pk>/             401 404 403 204 204 204  401 404 404 404 404 204
GET    dialects/label_studio/^(?P<rest>.*)$                              404 404 404 404 404 404 -
POST   dialects/label_studio/^(?P<rest>.*)$                              404 404 404 404 404 404 -
PUT    dialects/label_studio/^(?P<rest>.*)$                              404 404 404 404 404 404 -
PATCH  dialects/label_studio/^(?P<rest>.*)$                              404 404 404 404 404 404 -
DELETE dialects/label_studio/^(?P<rest>.*)$                              404 404 404 404 404 404 -
GET    dialects/diffgram/api/project/<str:project_string_id>/user/legacy/working_dir/view 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/project/<str:project_string_id>/user/sdk/file/list 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/v1/project/<str:project_string_id>/file/exists 401 403 403 200 200 200  401 403 403 403 403 200
GET    dialects/diffgram/api/v1/project/<str:project_string_id>/labels/view/name_to_file_id 401 403 200 200 200 200  401 403 403 403 403 200
GET    dialects/diffgram/api/v1/project/<str:project_string_id>/labels-schema 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/v1/project/<str:project_string_id>/directory/list 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/v1/job/list 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/v1/job/<int:job_id>/builder/info 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/walrus/project/<str:project_string_id>/export/to_file 401 403 403 200 200 200  401 403 403 403 403 200
GET    dialects/diffgram/api/walrus/project/<str:project_string_id>/export/working_dir/list 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/walrus/project/<str:project_string_id>/export/link 401 403 403 200 200 200  401 403 403 403 403 200
GET    dialects/diffgram/api/walrus/project/<str:project_string_id>/export/<int:export_id>/status 401 403 200 200 200 200  401 403 403 403 403 200
POST   dialects/diffgram/api/walrus/project/<str:project_string_id>/export/update 401 403 403 200 200 200  401 403 403 403 403 200
GET    dialects/diffgram/^(?P<rest>.*)$ 404 404 404 404 404 404 -
POST   dialects/diffgram/^(?P<rest>.*)$ 404 404 404 404 404 404 -
PUT    dialects/diffgram/^(?P<rest>.*)$ 404 404 404 404 404 404 -
PATCH  dialects/diffgram/^(?P<rest>.*)$ 404 404 404 404 404 404 -
DELETE dialects/diffgram/^(?P<rest>.*)$ 404 404 404 404 404 404 -

# --- home
GET    (home)                                                            302 200 200 200 200 200 -
GET    health/                                                           302 403 403 403 403 200 -
GET    now/                                                              302 200 200 200 200 200 -
GET    sign-in/                                                          200 302 302 302 302 302 -
POST   sign-in/                                                          200 302 302 302 302 302 -
POST   sign-out/                                                         302 302 302 302 302 302 -

# --- imports
GET    connections/<str:connection_id>/projects/                         302 404 403 403 403 200  302 404 404 404 404 200
POST   connections/<str:connection_id>/projects/                         302 404 403 403 403 400  302 404 404 404 404 400
POST   projects/<str:project_id>/sync/                                   302 404 403 302 302 302  302 404 404 404 404 302
GET    connections/<str:connection_id>/remote-connections/               302 404 403 403 403 200  302 404 404 404 404 200
POST   connections/<str:connection_id>/remote-connections/               302 404 403 403 403 400  302 404 404 404 404 400
POST   connections/<str:connection_id>/remote-connections/test/          302 404 403 403 403 302  302 404 404 404 404 302
POST   connections/<str:connection_id>/remote-connections/delete/        302 404 403 403 403 302  302 404 404 404 404 302
POST   projects/<str:project_id>/mirror/                                 302 404 403 403 404 404  302 404 404 404 404 404
GET    syncs/                                                            302 200 200 200 200 200 -
GET    syncs/<str:sync_id>/                                              302 404 200 200 200 200  302 404 404 404 404 200
GET    syncs/<str:sync_id>/progress/                                     302 404 302 302 302 302  302 404 404 404 404 302
POST   syncs/<str:sync_id>/cancel/                                       302 404 403 302 302 302  302 404 404 404 404 302
GET    syncs/<str:sync_id>/refused/                                      302 404 403 404 404 404  302 404 404 404 404 404
GET    imports/new/                                                      302 200 200 200 200 200 -
POST   imports/new/                                                      302 400 400 400 400 400  302 400 400 400 400 400
GET    imports/<str:import_id>/                                          302 404 200 200 200 200  302 404 404 404 404 200
GET    imports/<str:import_id>/progress/                                 302 404 302 302 302 302  302 404 404 404 404 302
POST   imports/<str:import_id>/cancel/                                   302 404 403 403 302 302  302 404 404 404 404 302
GET    imports/<str:import_id>/refused/                                  302 404 403 200 200 200  302 404 404 404 404 200

# --- exports: list
GET    exports/                                                          302 200 200 200 200 200 -
GET    exports/list.csv                                                  302 200 200 200 200 200 -
GET    exports/selected/                                                 302 200 200 200 200 200 -
POST   exports/selected/                                                 302 302 302 302 302 302  302 302 302 302 302 302
GET    exports/failures/<str:key>/                                       302 200 200 200 200 200 -
POST   exports/failures/<str:key>/                                       302 302 302 302 302 302 -
GET    exports/active/                                                   302 200 200 200 200 200  302 200 200 200 200 200

# --- exports: new, configs
GET    exports/new/                                                      302 404 403 200 200 200  302 404 404 404 404 200
POST   exports/new/                                                      302 404 403 302 302 302  302 404 404 404 404 302
POST   exports/new/plan/                                                 302 404 403 200 200 200  302 404 404 404 404 200
GET    projects/<str:project_id>/slices/                                 302 404 200 200 200 200  302 404 404 404 404 200
GET    projects/<str:project_id>/slices/new/                             302 404 403 200 200 200  302 404 404 404 404 200
POST   projects/<str:project_id>/slices/new/                             302 404 403 302 302 302  302 404 404 404 404 302
GET    projects/<str:project_id>/slices/<str:slice_id>/                  302 404 403 200 200 200  302 404 404 404 404 200
POST   projects/<str:project_id>/slices/<str:slice_id>/                  302 404 403 302 302 302  302 404 404 404 404 302
POST   projects/<str:project_id>/slices/<str:slice_id>/delete/           302 404 403 302 302 302  302 404 404 404 404 302
GET    configs/                                                          302 200 200 200 200 200 -
GET    configs/<str:config_id>/                                          302 404 200 200 200 200  302 404 404 404 404 200
GET    configs/<str:config_id>/edit/                                     302 404 403 200 200 200  302 404 404 404 404 200
POST   configs/<str:config_id>/edit/                                     302 404 403 302 302 302  302 404 404 404 404 302
POST   configs/<str:config_id>/run/                                      302 404 403 302 302 302  302 404 404 404 404 302
POST   configs/<str:config_id>/delete/                                   302 404 403 302 302 302  302 404 404 404 404 302

# --- exports: one
GET    exports/<str:report_id>/                                          302 404 200 200 200 200  302 404 404 404 404 200
GET    exports/<str:report_id>/progress/                                 302 404 302 302 302 302  302 404 404 404 404 302
GET    exports/<str:report_id>/preview/                                  302 404 403 200 200 200  302 404 404 404 404 200
GET    exports/<str:report_id>/compare/                                  302 404 200 200 200 200  302 404 404 404 404 200
POST   exports/<str:report_id>/prove/                                    302 404 302 302 302 302  302 404 404 404 404 302
GET    exports/<str:report_id>/proof/                                    302 404 302 302 302 302  302 404 404 404 404 302
POST   exports/<str:report_id>/proof/<str:proof_id>/cancel/              302 404 403 302 302 302  302 404 404 404 404 302
POST   exports/<str:report_id>/cancel/                                   302 404 403 302 302 302  302 404 404 404 404 302
POST   exports/<str:report_id>/retry/                                    302 404 403 302 302 302  302 404 404 404 404 302
POST   exports/<str:report_id>/archive/                                  302 404 403 302 302 302  302 404 404 404 404 302
POST   exports/<str:report_id>/unarchive/                                302 404 403 302 302 302  302 404 404 404 404 302
POST   exports/<str:report_id>/convert/                                  302 404 403 302 302 302  302 404 404 404 404 302
POST   exports/<str:report_id>/delete-files/                             302 404 403 403 302 302  302 404 404 404 404 302
GET    exports/<str:report_id>/files/<path:name>/                        302 404 403 200 200 200  302 404 404 404 404 200
GET    exports/l/<str:token>/                                            200 200 200 200 200 200  200 200 200 200 200 200
GET    exports/<str:report_id>/register/                                 302 404 200 403 200 200  302 404 404 404 404 200
GET    exports/<str:report_id>/manifest.json                             302 404 403 200 200 200  302 404 404 404 404 200
GET    exports/<str:report_id>/trail-proof.json                          302 404 403 200 200 200  302 404 404 404 404 200
GET    exports/l/<str:token>/manifest.json                               200 200 200 200 200 200  200 200 200 200 200 200
GET    exports/l/<str:token>/verify.py                                   200 200 200 200 200 200  200 200 200 200 200 200
GET    exports/l/<str:token>/file                                        200 200 200 200 200 200  200 200 200 200 200 200

# --- links
GET    links/                                                            302 200 200 200 200 200 -
GET    links/new/<str:artifact_id>/                                      302 404 403 200 200 200  302 404 404 404 404 200
POST   links/new/<str:artifact_id>/                                      302 404 403 200 200 200  302 404 404 404 404 200
GET    links/<str:link_id>/                                              302 404 200 200 200 200  302 404 404 404 404 200
POST   links/<str:link_id>/revoke/                                       302 404 403 302 302 302  302 404 404 404 404 302

# --- connections
GET    connections/                                                      302 200 200 200 200 200 -
GET    connections/new/                                                  302 403 403 403 403 200 -
POST   connections/new/                                                  302 403 403 403 403 302 -
GET    connections/<str:connection_id>/                                  302 404 200 200 200 200  302 404 404 404 404 200
GET    connections/<str:connection_id>/edit/                             302 404 403 403 403 200  302 404 404 404 404 200
POST   connections/<str:connection_id>/edit/                             302 404 403 403 403 302  302 404 404 404 404 302
GET    connections/<str:connection_id>/secrets/                          302 404 403 403 403 200  302 404 404 404 404 200
POST   connections/<str:connection_id>/secrets/                          302 404 403 403 403 302  302 404 404 404 404 302
POST   connections/<str:connection_id>/test/                             302 404 403 403 302 302  302 404 404 404 404 302
GET    connections/<str:connection_id>/steps/                            302 404 302 302 302 302  302 404 404 404 404 302
POST   connections/<str:connection_id>/disable/                          302 404 403 403 403 302  302 404 404 404 404 302
POST   connections/<str:connection_id>/enable/                           302 404 403 403 403 302  302 404 404 404 404 302
GET    connections/<str:connection_id>/delete/                           302 404 403 403 403 200  302 404 404 404 404 200
POST   connections/<str:connection_id>/delete/                           302 404 403 403 403 302  302 404 404 404 404 302
POST   connections/<str:connection_id>/grant/                            302 404 403 403 403 302  302 404 404 404 404 302
POST   connections/<str:connection_id>/revoke/<str:project_id>/          302 404 403 403 403 302  302 404 404 404 404 302

# --- projects, people
GET    projects/                                                         302 200 200 200 200 200 -
GET    projects/new/                                                     302 403 403 403 200 200 -
POST   projects/new/                                                     302 403 403 403 302 302 -
GET    projects/<str:project_id>/                                        302 404 200 200 200 200  302 404 404 404 404 200
POST   projects/<str:project_id>/                                        302 404 403 403 302 302  302 404 404 404 404 302
GET    projects/<str:project_id>/delete/                                 302 404 403 403 200 200  302 404 404 404 404 200
GET    projects/<str:project_id>/rows/delete/                            302 404 403 403 200 200  302 404 404 404 404 200
GET    api/v1/projects/<str:project_id>/remote-exports/                  401 404 400 400 400 400  401 404 404 404 404 400
POST   api/v1/projects/<str:project_id>/remote-exports/                  401 404 403 400 400 400  401 404 404 404 404 400
GET    projects/<str:project_id>/exports-there/                          302 404 200 200 200 200  302 404 404 404 404 200
GET    api/v1/projects/<str:project_id>/model-runs/                      401 404 200 200 200 200  401 404 404 404 404 200
GET    api/v1/projects/<str:project_id>/model-runs/<str:run_id>/         401 404 200 200 200 200  401 404 404 404 404 200
DELETE api/v1/projects/<str:project_id>/model-runs/<str:run_id>/         401 404 403 403 204 204  401 404 404 404 404 204
GET    api/v1/projects/<str:project_id>/model-runs/<str:run_id>/comparison/ 401 404 403 200 200 200  401 404 404 404 404 200
GET    projects/<str:project_id>/model-runs/<str:run_id>/                302 404 403 200 200 200  302 404 404 404 404 200
GET    projects/<str:project_id>/model-runs/<str:run_id>/delete/         302 404 403 403 200 200  302 404 404 404 404 200
POST   projects/<str:project_id>/model-runs/<str:run_id>/delete/         302 404 403 403 302 302  302 404 404 404 404 302
POST   projects/<str:project_id>/exports-there/                          302 404 403 302 302 302  302 404 404 404 404 302
GET    exports/new/platform/                                             302 404 403 400 400 400  302 404 404 404 404 400
POST   exports/new/platform/                                             302 404 403 400 400 400  302 404 404 404 404 400
GET    projects/<str:project_id>/sdk/<str:dialect>/                      302 404 200 200 200 200  302 404 404 404 404 200
POST   projects/<str:project_id>/sdk/<str:dialect>/                      302 404 200 200 200 200  302 404 404 404 404 200
POST   projects/<str:project_id>/rows/delete/                            302 404 403 403 409 409  302 404 404 404 404 409
POST   projects/<str:project_id>/delete/                                 302 404 403 403 409 409  302 404 404 404 404 409
GET    projects/<str:project_id>/members/                                302 404 200 200 200 200  302 404 404 404 404 200
POST   projects/<str:project_id>/members/                                302 404 403 403 302 302  302 404 404 404 404 302
POST   projects/<str:project_id>/members/<int:user_id>/change/           302 404 403 403 302 302  302 404 404 404 404 404
POST   projects/<str:project_id>/members/<int:user_id>/remove/           302 404 403 403 302 302  302 404 404 404 404 404
GET    people/                                                           302 403 403 403 403 200 -
GET    people/invite/                                                    302 403 403 403 403 200 -
POST   people/invite/                                                    302 403 403 403 403 200 -
GET    people/<int:user_id>/                                             302 403 403 403 403 200 -
POST   people/<int:user_id>/invitation/                                  302 403 403 403 403 200 -
POST   people/<int:user_id>/role/                                        302 403 403 403 403 302 -
POST   people/<int:user_id>/disable/                                     302 403 403 403 403 302 -
POST   people/<int:user_id>/enable/                                      302 403 403 403 403 302 -
GET    account/invitation/<str:invitation>/                              410 410 410 410 410 410 -
POST   account/invitation/<str:invitation>/                              410 410 410 410 410 410 -
GET    account/                                                          302 200 200 200 200 200 -
POST   account/profile/                                                  302 302 302 302 302 302 -
POST   account/preferences/                                              302 302 302 302 302 302 -
GET    account/password/                                                 302 200 200 200 200 200 -
POST   account/password/                                                 302 400 400 400 400 400 -
GET    account/tokens/                                                   302 200 200 200 200 200 -
POST   account/tokens/                                                   302 404 200 200 200 200  302 404 404 404 404 200
POST   account/tokens/<str:token_id>/revoke/                             302 404 404 404 302 302  302 404 404 404 404 302

# --- trail
GET    audit/                                                            302 403 200 403 200 200 -
GET    audit/export/                                                     302 403 200 403 200 200 -
POST   audit/verify/                                                     302 403 302 403 302 302 -
GET    audit/register/                                                   302 403 200 403 200 200 -
GET    audit/questions/                                                  302 403 200 403 200 200 -
GET    audit/questions/<slug:slug>/                                      302 403 200 403 200 200 -
GET    audit/<int:sequence>/                                             302 403 200 403 200 200  302 403 404 403 404 200

# --- help
GET    help/                                                             302 200 200 200 200 200 -
GET    help/formats/                                                     302 200 200 200 200 200 -
GET    help/files/                                                       302 200 200 200 200 200 -
GET    help/filters/                                                     302 200 200 200 200 200 -
GET    help/connections/                                                 302 200 200 200 200 200 -
GET    help/statuses/                                                    302 200 200 200 200 200 -
GET    help/check-values/                                                302 200 200 200 200 200 -
GET    help/roles/                                                       302 200 200 200 200 200 -
GET    help/verify.py                                                    302 200 200 200 200 200 -
GET    help/rest/                                                        302 200 200 200 200 200 -
GET    help/sdk/                                                         302 200 200 200 200 200 -

# --- the rest
GET    media/<str:project_id>/<str:name>                                 302 404 200 200 200 200  302 404 404 404 404 200
GET    healthz                                                           200 200 200 200 200 200 -
GET    readyz                                                            503 503 503 503 503 503 -
GET    metrics                                                           404 404 404 404 404 404 -
GET    admin/                                                            302 403 403 403 403 200 -
GET    admin/login/                                                      302 302 302 302 302 302 -
GET    admin/logout/                                                     302 403 403 403 403 405 -
GET    admin/password_change/                                            302 403 403 403 403 302 -
GET    admin/password_change/done/                                       302 403 403 403 403 302 -
GET    admin/autocomplete/                                               302 403 403 403 403 403 -
GET    admin/jsi18n/                                                     302 403 403 403 403 200 -
GET    admin/r/<path:content_type_id>/<path:object_id>/                  302 403 403 403 403 404 -
GET    admin/auth/user/<id>/password/                                    302 403 403 403 403 200 -
GET    admin/^(?P<app_label>auth|access|connections|store|sync|exports)/$ 302 403 403 403 403 200 -
GET    admin/(?P<url>.*)$                                                302 403 403 403 403 404 -
"""
# Django's admin: (list, add, history, delete, change) for superusers, and for nobody else.
# 302: there is no such object in this world.
LOOKING = (200, 403, 200, 403, 200)
NONE_THERE = (200, 403, 302, 403, 302)
# deleting leads back: the account has a history
HISTORY = (200, 200, 200, 302, 200)
ADMIN = {
    "connections/connection": LOOKING,
    "connections/project": LOOKING,
    "access/membership": LOOKING,
    "access/apitoken": LOOKING,
    "access/preference": NONE_THERE,
    "exports/exportconfig": LOOKING,
    "exports/slice": LOOKING,
    "exports/exportreport": LOOKING,
    "exports/artifact": LOOKING,
    "exports/link": LOOKING,
    "exports/download": NONE_THERE,
    "exports/proof": LOOKING,
    "exports/proofnight": NONE_THERE,
    "exports/sinksweep": NONE_THERE,
    "connections/connectionsecret": LOOKING,
    "connections/connectiongrant": LOOKING,
    "connections/madethere": NONE_THERE,
    "store/storeproject": NONE_THERE,
    "store/storeclass": NONE_THERE,
    "store/storerow": LOOKING,
    "store/storemodelrun": NONE_THERE,
    "store/storetombstone": NONE_THERE,
    "store/importrun": LOOKING,
    "sync/mirror": NONE_THERE,
    "sync/syncrun": NONE_THERE,
    "auth/user": HISTORY,
}
ACTORS = (None, *PEOPLE)


def rows() -> dict[str, tuple[list[int], list[int] | None]]:
    """``"GET route"`` → statuses at home, statuses elsewhere."""
    found = {}
    for line in TABLE.strip().splitlines():
        if not line or line.startswith("#"):
            continue
        method, route, *statuses = line.split()
        codes = [int(status) for status in statuses if status != "-"]
        found[f"{method} {'' if route == '(home)' else route}"] = (codes[:6], codes[6:] or None)
    for model, codes in ADMIN.items():
        tails = ("", "add/", "<path:object_id>/history/", "<path:object_id>/delete/", "<path:object_id>/change/")
        for tail, code in zip(tails, codes, strict=True):
            found[f"GET admin/{model}/{tail}"] = ([302] + [403] * 4 + [code], None)
        found[f"GET admin/{model}/<path:object_id>/"] = ([302] + [403] * 4 + [302], None)
    return found


ROWS = rows()


@pytest.fixture(scope="module")
def world(standing_world: World, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[World]:
    """With a picture, a token and a connection in each project."""
    media = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock():
        for place in (standing_world.own, standing_world.foreign):
            (media / place.project.public_id).mkdir()
            (media / place.project.public_id / "picture.png").write_bytes(b"\x89PNG")
            who = "alice" if place is standing_world.own else "sue"
            place.token_id = standing_world.token(who, "admin", project=place.project)[0].public_id
            with toy.registered():
                place.connection = _vault(place)
            _fill_label_studio(place)
            _fill_diffgram(place)
            _fill_labelbox(place)
    with override_settings(MEDIA_DIR=media), toy.registered(), pytest.MonkeyPatch.context() as patch:
        for dialect in (views, diffgram_views):
            patch.setattr(dialect, "wait_for_end", _made_here)
        yield standing_world


def _fill_label_studio(place: Place) -> None:
    """A snapshot, one that waits, and a view."""
    spec = ExportSpec.parse({"format": "label_studio_json", "labels": "all"}, place.project)
    name = place.project.name
    place.snapshot = actions.run_now(project=place.project, spec=spec, actor=SHELL, name=f"{name} snapshot")
    assert place.snapshot.is_delivered, place.snapshot.error
    place.unmade = actions.request_export(project=place.project, spec=spec, actor=SHELL, name=f"{name} unmade")
    place.view = config_actions.save_config(project=place.project, spec=spec, actor=SHELL, name=f"{name} view")


def _fill_diffgram(place: Place) -> None:
    """An export, and a job: a batch."""
    spec = ExportSpec.parse({"format": "diffgram_json", "labels": "all"}, place.project)
    place.diffgram = actions.run_now(project=place.project, spec=spec, actor=SHELL, name=f"{place.project.name} json")
    first = StoreRow.objects.filter(project=place.project).order_by("number").values_list("pk", flat=True)[:1]
    StoreRow.objects.filter(pk__in=list(first)).update(batch_id="b1")


def _fill_labelbox(place: Place) -> None:
    """A task with masks."""
    asked = {"format": "labelbox_ndjson", "labels": "all", "options": {"address": "http://testserver"}}
    spec = ExportSpec.parse(asked, place.project)
    place.task = actions.run_now(project=place.project, spec=spec, actor=SHELL, name=f"{place.project.name} task")
    assert place.task.is_delivered, place.task.error


def _made_here(report: ExportReport, seconds: float, waiter: str) -> bool:
    """Nobody waits for a worker: what is asked for is made at once."""
    if report.status in statuses.ACTIVE:
        lease = claim(ExportReport, report.pk, foreground=True)
        assert lease is not None
        run_in_foreground(lease)
    return True


def _vault(place: Place) -> Connection:
    name, secrets = f"{place.project.name} vault", {"phrase": "sesame"}
    made = create_connection(kind="vault", name=name, config={"room": "A"}, secrets=secrets, actor=SHELL)
    grant_connection(connection=made, project=place.project, actor=SHELL)
    return made


def ask(client: Client, row: str, place: Place, world: World) -> tuple[int, bytes]:
    """Status and body; what it changed is undone."""
    with undone():
        return send(client, row, place, world)


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that is rolled back, in which others may be the outermost."""
    with transaction.atomic():
        connection.atomic_blocks[-1]._from_testcase = True
        yield
        transaction.set_rollback(True)


def send(client: Client, row: str, place: Place, world: World, *, head: bool = False) -> tuple[int, bytes]:
    """Status and body; ``head``: of a row of GET, what a HEAD gets."""
    method, _, route = row.partition(" ")
    to = address(route, place, world, method.lower())
    if method == "GET":
        response = (client.head if head else client.get)(to, query(row, place))
    elif row in FORMS:
        response = client.post(to, body(row, place), query_params=query(row, place))
    elif not route.startswith(("api/", "dialects/")):
        response = client.post(to, body(row, place))
    else:
        sent = json.dumps(body(row, place))
        response = client.generic(method, to, sent, "application/json", query_params=query(row, place))
    return response.status_code, whole(response)


def client_of(row: str, actor: str | None, world: World) -> Client:
    """Someone's browser; of a dialect, its own client."""
    if " dialects/labelbox/" in row and actor is not None:
        return Rest(world.token(actor)[1], REMOTE_ADDR="203.0.113.9").client
    if " dialects/diffgram/" in row and actor is not None:
        return world.basic_client(actor, REMOTE_ADDR="203.0.113.9")
    if " dialects/" in row:
        return world.dialect_client(actor, REMOTE_ADDR="203.0.113.9")
    return world.browser(actor, REMOTE_ADDR="203.0.113.9")


def told(said: bytes, row: str, place: Place, world: World) -> list[str]:
    """What the answer gives away of a place; what the one who asked has named does not count."""
    method, _, route = row.partition(" ")
    asked = f"{address(route, place, world, method.lower())} {body(row, place)} {query(row, place)}"
    return [name for name in place.names if name.encode() in said and name not in asked]


def test_every_address_and_method_has_a_row_and_every_row_an_address():
    there = {f"{method} {route}" for route, methods in routes().items() for method in methods}
    assert there - set(ROWS) == set(), "no row in the table"
    assert set(ROWS) - there == set(), "a row of no address"


# --- tokens ----------------------------------------------------------------------------------------------------------

# what a token needs for a call, as a verb of connections/roles.py; None: tokens cannot do it at all
NEEDS: dict[str, str | None] = {
    "GET api/v1/projects/<str:project_id>/": "view",
    "PATCH api/v1/projects/<str:project_id>/": "manage",
    "DELETE api/v1/projects/<str:project_id>/": "manage",
    "GET api/v1/projects/<str:project_id>/members/": "view",
    "POST api/v1/projects/<str:project_id>/rows/delete/": "manage",
    "PUT api/v1/projects/<str:project_id>/members/<str:username>/": "manage",
    "DELETE api/v1/projects/<str:project_id>/members/<str:username>/": "manage",
    "GET api/v1/connections/<str:connection_id>/": "view",
    "PATCH api/v1/connections/<str:connection_id>/": "manage",
    "DELETE api/v1/connections/<str:connection_id>/": "manage",
    "POST api/v1/connections/<str:connection_id>/test/": "manage",
    "POST api/v1/connections/<str:connection_id>/secrets/": "manage",
    "POST api/v1/connections/<str:connection_id>/disable/": "manage",
    "POST api/v1/connections/<str:connection_id>/enable/": "manage",
    "GET api/v1/connections/<str:connection_id>/grants/": "view",
    "POST api/v1/connections/<str:connection_id>/grants/": "manage",
    "DELETE api/v1/connections/<str:connection_id>/grants/<str:project_id>/": "manage",
    "GET api/v1/connections/<str:connection_id>/used-by/": "view",
    "POST api/v1/tokens/": None,
    "POST api/v1/imports/": "manage",
    "GET api/v1/imports/<str:import_id>/": "view",
    "PUT api/v1/imports/<str:import_id>/content/": "manage",
    "POST api/v1/imports/<str:import_id>/cancel/": "manage",
    "GET api/v1/imports/<str:import_id>/refused/": "download",
    "GET api/v1/projects/<str:project_id>/remote-exports/": "view",
    "GET api/v1/projects/<str:project_id>/model-runs/": "view",
    "GET api/v1/projects/<str:project_id>/model-runs/<str:run_id>/": "view",
    "DELETE api/v1/projects/<str:project_id>/model-runs/<str:run_id>/": "manage",
    "GET api/v1/projects/<str:project_id>/model-runs/<str:run_id>/comparison/": "download",
    "POST api/v1/projects/<str:project_id>/remote-exports/": "start",
    "POST api/v1/syncs/": "start",
    "GET api/v1/syncs/<str:sync_id>/": "view",
    "POST api/v1/syncs/<str:sync_id>/cancel/": "start",
    "GET api/v1/syncs/<str:sync_id>/refused/": "download",
    "GET api/v1/connections/<str:connection_id>/projects/": "manage",
    "POST api/v1/connections/<str:connection_id>/projects/": "manage",
    "GET api/v1/connections/<str:connection_id>/remote-connections/": "manage",
    "POST api/v1/connections/<str:connection_id>/remote-connections/": "manage",
    "DELETE api/v1/connections/<str:connection_id>/remote-connections/<str:remote_id>/": "manage",
    "POST api/v1/connections/<str:connection_id>/remote-connections/<str:remote_id>/test/": "manage",
    "GET api/v1/projects/<str:project_id>/mirror/": "view",
    "PATCH api/v1/projects/<str:project_id>/mirror/": "manage",
    "POST api/v1/reports/": "start",
    "POST api/v1/reports/plan/": "start",
    "GET api/v1/reports/<str:report_id>/": "view",
    "GET api/v1/reports/<str:report_id>/wait/": "view",
    "POST api/v1/reports/<str:report_id>/cancel/": "start",
    "POST api/v1/reports/<str:report_id>/retry/": "start",
    "POST api/v1/reports/<str:report_id>/archive/": "start",
    "POST api/v1/reports/<str:report_id>/unarchive/": "start",
    "POST api/v1/reports/<str:report_id>/delete-files/": "manage",
    "POST api/v1/reports/<str:report_id>/convert/": "start",
    "GET api/v1/reports/<str:report_id>/check-values/": "view",
    "POST api/v1/reports/<str:report_id>/verify/": "view",
    "POST api/v1/reports/<str:report_id>/prove/": "view",
    "GET api/v1/reports/<str:report_id>/proofs/": "view",
    "GET api/v1/proofs/<str:proof_id>/": "view",
    "POST api/v1/proofs/<str:proof_id>/cancel/": "start",
    "GET api/v1/reports/<str:report_id>/rows/": "download",
    "GET api/v1/reports/<str:report_id>/manifest/": "download",
    "GET api/v1/reports/<str:report_id>/trail-proof/": "download",
    "GET api/v1/reports/<str:report_id>/artifacts/": "view",
    "GET api/v1/artifacts/<str:artifact_id>/": "view",
    "GET api/v1/artifacts/<str:artifact_id>/download/": "download",
    "POST api/v1/artifacts/<str:artifact_id>/links/": "link",
    "POST api/v1/links/<str:link_id>/revoke/": "link",
    "POST api/v1/configs/": "start",
    "GET api/v1/configs/<str:config_id>/": "view",
    "PUT api/v1/configs/<str:config_id>/": "start",
    "DELETE api/v1/configs/<str:config_id>/": "start",
    "GET api/v1/projects/<str:project_id>/datasets/": "view",
    "GET api/v1/projects/<str:project_id>/batches/": "view",
    "GET api/v1/projects/<str:project_id>/slices/": "view",
    "POST api/v1/projects/<str:project_id>/slices/": "start",
    "GET api/v1/slices/<str:slice_id>/": "view",
    "PUT api/v1/slices/<str:slice_id>/": "start",
    "DELETE api/v1/slices/<str:slice_id>/": "start",
    "GET api/v1/audit/": "audit",
    "GET api/v1/audit/export/": "audit",
    "POST api/v1/audit/verify/": "audit",
    "GET api/v1/register/": "audit",
}
# these tell of as much of the trail as one may read
TRAIL = {"GET api/v1/audit/", "GET api/v1/audit/export/", "POST api/v1/audit/verify/", "GET api/v1/register/"}
# and what it needs beside that
ALSO = {"POST api/v1/artifacts/<str:artifact_id>/links/": "download"}
# a token that makes projects is bound to none; the lists show what may be seen; a token's own row is all it sees of tokens
LISTS = {
    "GET api/v1/projects/",
    "GET api/v1/imports/",
    "GET api/v1/syncs/",
    "GET api/v1/tokens/",
    "GET api/v1/reports/",
    "GET api/v1/reports/status/",
    "GET api/v1/reports/grouped/",
    "GET api/v1/links/",
    "GET api/v1/configs/",
    "GET api/v1/connections/",
}
ELSEWHERE = {
    "GET api/v1/leftovers/",
    "GET api/v1/reports/failures/",
    "POST api/v1/reports/failures/<str:key>/retry/",
    "GET api/v1/people/",
    "POST api/v1/people/",
    "GET api/v1/people/<str:username>/",
    "POST api/v1/people/<str:username>/disable/",
    "POST api/v1/people/<str:username>/enable/",
    "POST api/v1/people/<str:username>/invitation/",
    "POST api/v1/projects/",
    "POST api/v1/connections/",
    "POST api/v1/tokens/<str:token_id>/revoke/",
    "GET api/v1/schema/",
    "GET api/v1/signing-keys/",
    "GET api/v1/verify.py",
}


def test_every_call_of_rest_says_what_a_token_needs():
    calls = {row for row in ROWS if " api/v1/" in row and "explorer" not in row and "(?P<rest>" not in row}
    assert calls == set(NEEDS) | LISTS | ELSEWHERE


@pytest.mark.one_database
@pytest.mark.parametrize("row", NEEDS)
def test_a_token_can_do_what_its_scopes_say_in_the_project_it_is_bound_to(row: str, world: World):
    verb = NEEDS[row]
    done = ROWS[row][0][ACTORS.index("alice")]
    for scope, (verbs, _) in SCOPES.items():
        expected = done if {verb, ALSO.get(row, verb)} <= verbs else 403
        for bound_to in (None, world.own.project):
            script = world.script("alice", scope, project=bound_to).client
            assert ask(script, row, world.own, world)[0] == expected, (scope, bound_to)


@pytest.mark.one_database
@pytest.mark.parametrize("row", sorted(set(NEEDS) - TRAIL))
def test_a_token_bound_to_a_project_finds_nothing_of_another_one_not_even_a_superusers(row: str, world: World):
    for scope in SCOPES:
        script = world.script("sue", scope, project=world.own.project).client
        status, said = ask(script, row, world.foreign, world)
        assert status == 404, scope
        assert told(said, row, world.foreign, world) == []


@pytest.mark.one_database
@pytest.mark.parametrize("row", [*sorted(LISTS), "GET api/v1/audit/", "GET api/v1/audit/export/"])
def test_a_bound_token_lists_its_own_project_only(row: str, world: World):
    script = world.script("sue", "admin", project=world.own.project).client
    status, said = ask(script, row, world.own, world)
    assert status == 200
    assert told(said, row, world.foreign, world) == []
    things = [
        world.own.connection.public_id,
        world.own.project.public_id,
        world.own.imported.public_id,
        world.own.synced.public_id,
        world.own.done.report_id,
        world.own.link.public_id,
    ]
    assert "tokens" in row or any(thing.encode() in said for thing in things)


@pytest.mark.one_database
@pytest.mark.parametrize("row", sorted({*NEEDS, *LISTS, *ELSEWHERE}))
def test_a_token_that_opens_nothing_is_401_everywhere(row: str, world: World):
    status, said = ask(Rest("ea_" + "x" * 43).client, row, world.own, world)
    assert status == 401
    assert told(said, row, world.own, world) == []


@pytest.mark.one_database
def test_a_token_can_never_do_more_than_its_person(world: World):
    for role, person in {"reviewer": "rita", "operator": "oscar"}.items():
        verbs = ROLES[role][0]
        for row, verb in NEEDS.items():
            script = world.script(person, "admin").client
            status, _ = ask(script, row, world.own, world)
            allowed = verb in verbs
            assert (status != 403) == allowed, (person, row, status)


def test_the_matrix_is_asked_with_throttling_off_and_everything_else_on():
    assert django_settings.DEBUG is False
    assert "django.contrib.auth.middleware.LoginRequiredMiddleware" in django_settings.MIDDLEWARE
