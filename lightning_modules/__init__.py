"""Training and testing of a model: loss, optimiser, metrics. Without file access or experiment tables."""
