#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""emulated.py COMMAND...: runs a command where programs of aarch64 run, too, by qemu-user.

A binfmt_misc belongs to the user namespace that it is mounted in (Linux 6.7), so nothing changes for the rest of this
machine. Users keep their numbers, so that packages may give files away. Needs root. The command takes the place of
this process; when it ends, so does what it has started.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
# The head of ELF files of aarch64, and which of its bits count: /proc/sys/fs/binfmt_misc/register.
BINFMT = (r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
          r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
          r":/usr/bin/qemu-aarch64-static:F")
REGISTER = """
set -e
mount -t proc proc /proc
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' "$1" >/proc/sys/fs/binfmt_misc/register
shift
exec "$@"
"""


def enter_user_namespace():
    """Users 0 to 65535 are themselves in it. Only a process outside may say so."""
    entered, entering = os.pipe()
    process = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(entering)
        os.read(entered, 1)
        for kind in ("uid", "gid"):
            with open(f"/proc/{process}/{kind}_map", "w") as file:
                file.write("0 0 65536\n")
        os._exit(0)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        sys.exit(f"cannot make a user namespace: {os.strerror(ctypes.get_errno())}")
    os.write(entering, b".")
    for file in (entered, entering):
        os.close(file)
    _, status = os.waitpid(helper, 0)
    if status != 0:
        sys.exit("cannot map the users of a namespace")


if __name__ == "__main__":
    enter_user_namespace()
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", REGISTER, "sh", BINFMT,
                          *sys.argv[1:]])
