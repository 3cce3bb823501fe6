"""Benchmark cases of Motionformer, and the published formulation."""
