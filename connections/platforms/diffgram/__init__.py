"""Diffgram: exports that it makes of a job or of a directory are asked for, looked at and fetched; rows come by one."""
