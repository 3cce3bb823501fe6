"""`python -m experiments VERB`, the same as the console script `reproduce`."""

import sys

from experiments.cli import main

sys.exit(main())
