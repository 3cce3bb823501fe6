"""Parts specific to MSCA's models: multi-head self/cross-attention, TokenShift, released key names."""
