"""Benchmark cases of X-ViT, and its published formulation."""
