"""Tables of Motionformer (arXiv:2106.05392)."""
