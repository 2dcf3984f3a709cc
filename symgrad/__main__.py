"""`python -m symgrad`: the command line, where no script of it is on the path."""

import sys

from symgrad.cli import main

sys.exit(main())
