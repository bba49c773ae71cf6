"""How buckets of S3 are reached."""
