"""How delivered files leave: signed links, downloads, ranges."""
