"""What data and models agree on: input sizes, targets, test protocols, ranges of fields."""
