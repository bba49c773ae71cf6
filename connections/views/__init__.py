"""Pages on people and their own things; pages on projects that show exports stand in :mod:`exports.views`."""
