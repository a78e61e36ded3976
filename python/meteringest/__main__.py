"""`python -m meteringest` is the command `meteringest`."""

import sys

from meteringest.cli import main

sys.exit(main())
