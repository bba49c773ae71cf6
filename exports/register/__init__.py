"""The register: what was taken, by whom, where to and how much of it, from the trail alone, which outlives the rest."""
