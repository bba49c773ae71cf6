"""``make bench``: what import and export cost, side by side with copying a file and with the peers.

Nothing here is part of the product. No timing is ever asserted: figures are printed, also where they fall short.
Modules that run in the peers' environment (:mod:`bench.child`, :mod:`bench.peers`) use the standard library and
the peer, nothing else.
"""
