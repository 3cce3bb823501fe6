"""Entry point `python -m reproduce VERB`, equal to the console script `reproduce`."""

import sys

from reproduce.command import main

sys.exit(main())
