"""`python -m brgym`: the command line."""

import sys

from brgym.cli import main

if __name__ == "__main__":
    sys.exit(main())
