"""Questions of reviewers that take knowledge of exports; :mod:`exports.trail` registers them in the audit room."""
