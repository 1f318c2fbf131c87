"""`python -m jupyter_sio.cli`."""

import sys

from jupyter_sio.cli import main

sys.exit(main())
