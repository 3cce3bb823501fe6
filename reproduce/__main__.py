"""`python -m reproduce VERB`, the same as the console script `reproduce`."""

import sys

from reproduce.command import main

sys.exit(main())
