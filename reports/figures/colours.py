"""Colours and markers of plots. The colours of Okabe and Ito can be distinguished by colour-blind readers."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
