"""Benchmark cases of CAST, and its published formulation."""
