"""Checkpoints: what the trail's entries were, signed and kept outside the database.

A trail that is cut off or written anew together with its head is consistent in itself. So the hashes of its entries
are written into a file of this machine (:mod:`.file`), a signed line at a time, each naming the line before: at
intervals, when something is delivered or handed out, and at the end of an export of the trail (:mod:`.taking`). Where
the installation has a store, each line is copied there too (:mod:`.copies`). Whoever verifies compares the trail with
all of them, and with the heads in the manifests of deliveries (:mod:`.comparing`).

A database that was restored from a backup is older than its checkpoints. That is told, as any other trail that is not
the one that was witnessed, until somebody accepts it, which is a signed checkpoint for ever (:mod:`.accepting`).
"""
