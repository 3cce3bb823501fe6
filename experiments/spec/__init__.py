"""Table specs: runs, edits, tables, columns, figures, scales, and the catalog of all tables."""
