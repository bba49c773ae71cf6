"""What is exported, how it ran, what came out."""

from __future__ import annotations

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Export configs, reports, artifacts, links."""

    name = "exports"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Exports and proofs are kinds of runs; the trail's pages and the deletion of projects are told about them."""
        from connections import deletion, use
        from connections.access.keys import KEYS
        from exportadmin.audit.checkpoints.comparing import SOURCES
        from exportadmin.runs.runners import RUNNERS
        from exports import trail

        RUNNERS.register("export", "exports.run.runner:ExportRunner")
        RUNNERS.register("proof", "exports.run.proofs:ProofRunner")
        trail.register()
        use.USES.register("exports", "exports.uses:uses_of_exports")
        use.COUNTS.register("exports", "exports.uses:counts_of_exports")
        SOURCES.register("manifests", "exports.delivery.witnesses:manifests")
        deletion.PARTS.register("exports", "exports.deletion:ExportsOfProject")
        KEYS.register("links", "exports.links.issuers:LINKS_OF_PEOPLE")
