from tests.exports.downloads.conftest import artifact, big, endings, server

__all__ = ["artifact", "big", "endings", "server"]
