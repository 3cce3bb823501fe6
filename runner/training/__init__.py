"""The training and the test of a run, and what goes on beside them."""
