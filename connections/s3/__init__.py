"""How buckets of S3 are reached, and how things are called in them."""
