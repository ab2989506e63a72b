"""Where the program starts."""

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))     # the folder of demo_peer

from demo_peer.process import main  # type: ignore[import-not-found]  # noqa: E402

main()
