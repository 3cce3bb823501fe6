"""TensorBoard views of runs and tables."""
