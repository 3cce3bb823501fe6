"""Tables joined with results: pandas, markdown, CSV, JSON, LaTeX, figures."""
