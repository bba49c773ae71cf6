"""Other platforms' APIs, as we speak them."""
