"""Addresses of exports in REST."""

from django.urls import path

from exports.api import configs, deletion, failures, files, leftovers, links, proofs, register, remote_exports, views

urlpatterns = [
    path("reports/", views.ReportsView.as_view(), name="reports"),
    path("reports/plan/", views.PlanView.as_view(), name="plan"),
    path(
        "projects/<str:project_id>/remote-exports/", remote_exports.RemoteExportsView.as_view(), name="remote-exports"
    ),
    path("reports/status/", views.ReportStatusesView.as_view(), name="report-statuses"),
    path("reports/grouped/", views.GroupedReportsView.as_view(), name="reports-grouped"),
    path("reports/failures/", failures.FailuresView.as_view(), name="failures"),
    path("reports/failures/<str:key>/retry/", failures.RetryFailuresView.as_view(), name="failures-retry"),
    path("reports/<str:report_id>/", views.ReportView.as_view(), name="report"),
    path("reports/<str:report_id>/wait/", views.WaitView.as_view(), name="report-wait"),
    path("reports/<str:report_id>/cancel/", views.CancelView.as_view(), name="report-cancel"),
    path("reports/<str:report_id>/retry/", views.RetryView.as_view(), name="report-retry"),
    path("reports/<str:report_id>/delete-files/", views.DeleteFilesView.as_view(), name="report-delete-files"),
    path("reports/<str:report_id>/convert/", views.ConvertView.as_view(), name="report-convert"),
    path("reports/<str:report_id>/check-values/", views.CheckValuesView.as_view(), name="report-check-values"),
    path("reports/<str:report_id>/verify/", views.VerifyView.as_view(), name="report-verify"),
    path("reports/<str:report_id>/prove/", proofs.ProveView.as_view(), name="report-prove"),
    path("reports/<str:report_id>/proofs/", proofs.ReportProofsView.as_view(), name="report-proofs"),
    path("proofs/<str:proof_id>/", proofs.ProofView.as_view(), name="proof"),
    path("proofs/<str:proof_id>/cancel/", proofs.CancelProofView.as_view(), name="proof-cancel"),
    path("reports/<str:report_id>/rows/", files.RowsView.as_view(), name="report-rows"),
    path("reports/<str:report_id>/manifest/", files.ManifestView.as_view(), name="report-manifest"),
    path("reports/<str:report_id>/trail-proof/", files.TrailProofView.as_view(), name="report-trail-proof"),
    path("reports/<str:report_id>/artifacts/", files.ReportArtifactsView.as_view(), name="report-artifacts"),
    path("artifacts/<str:artifact_id>/", files.ArtifactView.as_view(), name="artifact"),
    path("artifacts/<str:artifact_id>/download/", files.DownloadView.as_view(), name="artifact-download"),
    path("artifacts/<str:artifact_id>/links/", links.ArtifactLinksView.as_view(), name="artifact-links"),
    path("links/", links.LinksView.as_view(), name="links"),
    path("links/<str:link_id>/revoke/", links.RevokeLinkView.as_view(), name="link-revoke"),
    path("projects/<str:project_id>/rows/delete/", deletion.DeleteRowsView.as_view(), name="rows-delete"),
    path("register/", register.RegisterView.as_view(), name="register"),
    path("leftovers/", leftovers.LeftoversView.as_view(), name="leftovers"),
    path("signing-keys/", files.SigningKeysView.as_view(), name="signing-keys"),
    path("verify.py", files.VerifierView.as_view(), name="verifier"),
    path("configs/", configs.ConfigsView.as_view(), name="configs"),
    path("configs/<str:config_id>/", configs.ConfigView.as_view(), name="config"),
]
