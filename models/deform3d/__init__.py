"""3D deformable transformer for clips with joints (https://arxiv.org/abs/2212.05638)."""
