"""Label Studio's shapes: a row as a task (:mod:`.tasks`), its annotations as results (:mod:`.regions`), a mask as a
brush (:mod:`.brush`). Importers and formats share them."""
