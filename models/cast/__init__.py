"""CAST: two ViTs that exchange information by cross-attention in space and time (https://arxiv.org/abs/2311.18825)."""
