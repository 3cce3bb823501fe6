"""HOW a model is trained and scored: a model, a loss, metrics; no files, no tables."""
