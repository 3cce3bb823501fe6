"""Tables and figures of CAST (https://arxiv.org/abs/2311.18825)."""
