"""What is read from finished exports: rows, comparisons, previews."""
