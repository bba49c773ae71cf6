"""What tests share: the private PostgreSQL, the cast of users, the shell, the browser."""
