"""Lists of exports: filters, order, pages."""
