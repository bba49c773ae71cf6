"""The pages of each area, for the tests that look at all of them: ``addresses(world) -> {name: path}``.

Every page and every state of it that looks different has an entry; ``world`` is a
:class:`tests.pages.hostile_world.HostileWorld`. All are looked at as alice.
"""
