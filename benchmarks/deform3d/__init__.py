"""Benchmark cases of the 3D deformable transformer, and its published formulation."""
