# PYTHON_ARGCOMPLETE_OK
"""`python -m convt`: the command `convt`."""

import sys

from convt.cli import main

if __name__ == "__main__":
    sys.exit(main())
