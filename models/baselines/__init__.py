"""Models of other papers, which tables compare with: convolutional networks and parts of other transformers."""
