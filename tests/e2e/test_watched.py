# SPDX-License-Identifier: Apache-2.0
"""The watch itself: it reads what strace writes, and sees what it is there to see."""

import sys

import pytest

from watched import Allowed, Judge, Watched, by_process, parse

TRACE = r"""
7 openat(AT_FDCWD</w>, "a b\"c", O_RDONLY|O_CLOEXEC) = 3</w/a b"c>
7 connect(4<socket:[11]>, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.7")}, 16 <unfinished ...>
8 mkdirat(5</w/d>, "\303\244", 0777 <unfinished ...>
7 <... connect resumed>)                = -1 ECONNREFUSED (Connection refused)
8 <... mkdirat resumed>) = 0
9 sendto(6<socket:[12]>, ""..., 40, MSG_NOSIGNAL, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>
9 +++ killed by SIGKILL +++
"""


def judge(trace, **allowed):
    return [problem.partition(": ")[0] for problem in Judge(parse(trace), "/w", Allowed(**allowed)).problems]


def test_calls_that_others_came_between():
    opened, connected, made, sent = parse(TRACE)
    assert [call.thread for call in (opened, connected, made, sent)] == [7, 7, 8, 9]
    assert list(opened.paths("/x")) == ['/w/a b"c'] and not opened.is_change()
    assert str(connected.addresses()[0][0]) == "192.0.2.7" and connected.result.startswith("-1 ECONNREFUSED")
    assert list(made.paths("/x")) == ["/w/d/\u00e4"] and made.is_change()
    assert sent.result == "" and sent.addresses()[0][1] == 53
    assert judge(TRACE) == ["connect beyond loopback", "writes /w/d/\u00e4", "asks a name server"]


@pytest.mark.parametrize("call, allowed, problems", [
    ("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3<socket:[1]>", {}, ["a socket of AF_INET"]),
    ("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3<socket:[1]>", {"families": ("AF_INET",)}, []),
    ('connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(8000), sin_addr=inet_addr("127.0.0.2")}, 16) = 0',
     {"ports": (8000,)}, []),
    ('connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(8001), sin_addr=inet_addr("127.0.0.2")}, 16) = 0',
     {"ports": (8000,)}, ["connects to port 8001"]),
    ('connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0',
     {"ports": None, "families": ("AF_INET",)}, ["asks a name server"]),
    ('connect(3<socket:[1]>, {sa_family=AF_INET6, sin6_port=htons(9), sin6_flowinfo=htonl(0), '
     'inet_pton(AF_INET6, "::ffff:10.0.0.1", &sin6_addr), sin6_scope_id=0}, 28) = 0', {"ports": None},
     ["connect beyond loopback"]),
    ('bind(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0', {},
     ["bind beyond loopback"]),
    ('sendmsg(3<socket:[1]>, {msg_name={sa_family=AF_INET, sin_port=htons(7), sin_addr=inet_addr("192.0.2.1")}, '
     'msg_namelen=16, msg_iov=[...], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 5', {}, ["sendmsg beyond loopback"]),
    ('connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = 0', {},
     ["connects to another program"]),
    ('connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/w/s"}, 110) = 0', {"writes": ("/w",)}, []),
    ('openat(AT_FDCWD</w>, "/etc/resolv.conf", O_RDONLY|O_CLOEXEC) = 3</etc/resolv.conf>', {},
     ["looks up hosts in /etc/resolv.conf"]),
    ('openat(AT_FDCWD</w>, "/etc/machine-id", O_RDONLY) = 3</etc/machine-id>', {"look_ups": True},
     ["asks who the machine is in /etc/machine-id"]),
    ('openat(AT_FDCWD</w>, "/dev/null", O_WRONLY) = 3</dev/null>', {}, []),
    ('openat(AT_FDCWD</w>, "x", O_WRONLY|O_CREAT, 0666) = -1 EACCES (Permission denied)', {}, ["writes /w/x"]),
    ('openat(AT_FDCWD</w>, "../w/o/x", O_RDWR|O_CREAT, 0666) = 3</w/o/x>', {"writes": ("/w/o",)}, []),
    ('openat(AT_FDCWD</w>, "o/../x", O_RDWR|O_CREAT, 0666) = 3</w/x>', {"writes": ("/w/o",)}, ["writes /w/x"]),
    ('rename("/w/o/a", "/h/a") = 0', {"writes": ("/w/o",)}, ["writes /h/a"]),
    ('symlinkat("../../x", AT_FDCWD</w/o>, "y")  = 0', {"writes": ("/w/o",)}, []),
    ("io_uring_setup(8, {flags=0}) = 3", {}, ["a way past the watch"]),
])
def test_a_call(call, allowed, problems):
    assert judge(f"7 {call}", **allowed) == problems


def test_a_route_may_be_asked_for_and_nothing_sent_on_it():
    asks = """7 socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 3<socket:[5]>
7 connect(3<socket:[5]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = 0
"""
    allowed = {"routes": True, "families": ("AF_INET",), "ports": None}
    assert judge(asks, **allowed) == []
    assert judge(asks, **(allowed | {"routes": False})) == ["connect beyond loopback"]
    assert judge(asks.replace("DGRAM", "STREAM"), **allowed) == ["connect beyond loopback"]
    assert judge(asks + '7 sendto(3<socket:[5]>, ""..., 1, 0, NULL, 0) = 1', **allowed) == ["connect beyond loopback"]


def test_threads_belong_to_processes():
    trace = """7 openat(AT_FDCWD</w>, "a", O_RDONLY) = 3</w/a>
7 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0, stack=0x7f, stack_size=0x7f} <unfinished ...>
8 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0} => {parent_tid=[9]}, 88) = 9
9 openat(AT_FDCWD</w>, "b", O_RDONLY) = 3</w/b>
7 <... clone3 resumed> => {parent_tid=[8]}, 88) = 8
9 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 10
10 openat(AT_FDCWD</w>, "c", O_RDONLY) = 3</w/c>
"""
    first, second = by_process(parse(trace))
    assert {call.thread for call in first} == {7, 8, 9} and {call.thread for call in second} == {10}


SCRIPT = """
import os, socket, threading
open("/etc/hosts").close()
with open(os.path.expanduser("~/left"), "w"):
    pass
def ask(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", port))  # of a datagram socket: nothing is sent
threads = [threading.Thread(target=ask, args=(1000 + i,)) for i in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_what_a_program_does(tmp_path):
    watch = Watched(tmp_path)
    watch.run(sys.executable, "-SsB", "-c", SCRIPT)
    with pytest.raises(AssertionError, match="home/left"):
        watch.check()
    with pytest.raises(AssertionError) as raised:
        watch.check(files=["home/left"])
    text = str(raised.value)
    assert "looks up hosts in /etc/hosts" in text and f"writes {watch.home}/left" in text and "a socket of AF_INET" in text
    assert all(f"htons({1000 + i})" in text for i in range(20))
    watch.check(files=["home/left"], writes=(watch.home,), families=("AF_INET",), look_ups=True, routes=True, ports=None)
