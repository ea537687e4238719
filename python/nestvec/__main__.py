# SPDX-License-Identifier: Apache-2.0
"""``python -m nestvec`` is the command ``nestvec``."""

from nestvec_command import main

if __name__ == "__main__":
    main()
