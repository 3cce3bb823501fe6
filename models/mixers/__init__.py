"""Attention mechanisms, one per file: (B, 1 + T*S, D), Grid -> (B, 1 + T*S, D)."""
