"""Reports: tables with measured results, as markdown, CSV, JSON, LaTeX, pandas data frames and figures."""
