"""Tables of MSCA (arXiv:2204.00452)."""
