# SPDX-License-Identifier: Apache-2.0
"""Runs a program in folders of its own and watches, with strace, what it asks of the network and of the disk.

The program gets an environment made from nothing: the variables by which continuous integration is known would
keep the telemetry of several libraries quiet, and what a developer has switched off would hide what we have not.
"""

import ast
import contextlib
import dataclasses
import functools
import ipaddress
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

NETWORK = {"socket", "connect", "bind", "sendto", "sendmsg", "sendmmsg"}
OPENS = {"open", "openat", "openat2"}
CHANGES = {"creat", "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2", "link", "linkat", "symlink",
           "symlinkat", "unlink", "unlinkat", "rmdir", "truncate", "chmod", "fchmodat", "chown", "lchown", "fchownat",
           "utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr"}
UNSEEN = {"io_uring_setup"}  # by which files and sockets could be used without any of these calls
FORKS = {"clone", "clone3", "fork", "vfork"}
# aarch64 lacks some of them, which "?" allows.
TRACED = ",".join(f"?{name}" for name in sorted(NETWORK | OPENS | CHANGES | UNSEEN | FORKS))
STRACE = ("strace", "-f", "-A", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-e", f"trace={TRACED}", "-e", "signal=none")

# By these the C library finds out who answers for a host name.
LOOK_UPS = re.compile(r"/etc/(resolv|host|gai|nsswitch)\.conf|/etc/hosts|.*/libnss_(dns|resolve|mdns\w*|myhostname)\.so.*")
IDENTITIES = re.compile(r"(/etc|/var/lib/dbus)/machine-id|/sys/class/dmi/id/.*|/sys/class/net/.*/address|/etc/hostname")
DEVICES = re.compile(r"/dev/(null|zero|tty|ptmx|pts/\d+)")  # they keep nothing
NAME_CACHE = "/var/run/nscd/socket"
DNS = 53

# Python that prints what C code finds in the environment, which os.environ does not show.
SWITCH = """
import ctypes
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
print((getenv(b"ORT_DISABLE_TELEMETRY") or b"").decode())
"""

LINE = re.compile(r"(\d+) +(.*)")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
UNFINISHED = " <unfinished ...>"
CALL = re.compile(r"(\w+)\((.*?)(?:\)\s*= (.*)| *)?", re.DOTALL)
PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<((?:[^<>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"')
INET = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"')
UNIX = re.compile(r'sun_path=@?"((?:[^"\\]|\\.)*)"')
SOCKET = re.compile(r"\d+<(socket:\[\d+\])>")


@functools.cache
def why_not():
    """Why strace cannot watch here; empty where it can."""
    if not shutil.which("strace"):
        return "strace is not installed; scripts/setup-apt.sh --tests installs it"
    tried = subprocess.run([*STRACE, "-o", "/dev/null", "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"strace cannot trace here: {tried.stderr.strip() or tried.returncode}"


@dataclasses.dataclass(frozen=True)
class Call:
    """One system call, as strace wrote it; `result` is empty where the process was killed meanwhile."""

    thread: int
    name: str
    arguments: str
    result: str

    def paths(self, folder):
        """Its paths, made absolute; `folder` is where the program was started. What a symbolic link says is no path."""
        for base, path in PATH.findall(self.arguments)[self.name.startswith("symlink"):]:
            yield os.path.normpath(os.path.join(_text(base) or folder, _text(path)))

    def addresses(self):
        """The internet addresses and ports that it names."""
        return [(ipaddress.ip_address(address), int(port)) for port, address in INET.findall(self.arguments)]

    def is_change(self):
        return self.name in CHANGES or (
            self.name in OPENS and re.search(r"\bO_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)\b", self.arguments) is not None)

    def __str__(self):
        return f"{self.name}({self.arguments}) = {self.result or '?'}"


def _text(escaped):
    return ast.literal_eval(f'b"{escaped}"').decode(errors="surrogateescape")


def parse(trace):
    """The calls in what `strace -f` wrote. Where those of others came between begin and end of one, it is put together."""
    begun, calls = {}, []
    for line in trace.splitlines():
        found = LINE.fullmatch(line)
        if not found:
            continue
        thread, text = int(found[1]), found[2]
        if resumed := RESUMED.fullmatch(text):
            text = begun.pop(thread, resumed[1] + "(") + resumed[2]
        if text.endswith(UNFINISHED):
            begun[thread] = text.removesuffix(UNFINISHED)
        else:
            calls.append((thread, text))
    calls += begun.items()  # killed within them
    return [Call(thread, *(part or "" for part in found.groups()))
            for thread, text in calls if (found := CALL.fullmatch(text))]


def by_process(calls):
    """Lists of calls, one a process, whichever of its threads made them."""
    creators = {int(call.result.split()[0]): call.thread for call in calls
                if call.name in FORKS and "CLONE_THREAD" in call.arguments and call.result[:1].isdigit()}
    processes = {}
    for call in calls:
        process, seen = call.thread, set()
        while process in creators and process not in seen:  # numbers are used again
            seen.add(process)
            process = creators[process]
        processes.setdefault(process, []).append(call)
    return list(processes.values())


@dataclasses.dataclass
class Allowed:
    """What the user asked for. `writes` are folders or files; `ports` are those to connect to, None is any."""

    writes: tuple = ()
    families: tuple = ()  # of sockets, such as AF_INET
    ports: tuple | None = ()
    addresses: tuple = ()  # besides loopback
    look_ups: bool = False  # of host names, in files
    name_server: bool = False
    routes: bool = False  # a datagram socket may be connected to any address to learn its own, and sends nothing


class Judge:
    """Calls against what is allowed: `problems` in words, each once."""

    def __init__(self, calls, folder, allowed):
        self.folder, self.allowed = str(folder), allowed
        self.writes = [os.path.realpath(path) for path in allowed.writes]
        self.sent = {found[1] for call in calls if call.name.startswith("send") and (found := SOCKET.match(call.arguments))}
        self.datagrams = {found[1] for call in calls if call.name == "socket" and "SOCK_DGRAM" in call.arguments
                          and (found := SOCKET.match(call.result))}
        self.problems = list(dict.fromkeys(f"{problem}: {call}" for call in calls for problem in self._of(call)))

    def _of(self, call):
        if call.name in UNSEEN:
            yield "a way past the watch"
        if call.name == "socket":
            family = call.arguments.partition(",")[0]
            if family not in self.allowed.families:
                yield f"a socket of {family}"
        elif call.name in NETWORK:
            yield from self._of_addresses(call)
        elif call.is_change():
            for path in call.paths(self.folder):
                if not self._may_write(path):
                    yield f"writes {path}"
        elif call.name in OPENS:
            for path in call.paths(self.folder):
                if LOOK_UPS.fullmatch(path) and not self.allowed.look_ups:
                    yield f"looks up hosts in {path}"
                if IDENTITIES.fullmatch(path):
                    yield f"asks who the machine is in {path}"

    def _of_addresses(self, call):
        for address, port in call.addresses():
            address = getattr(address, "ipv4_mapped", None) or address
            if self._learns_route(call):
                continue
            if port == DNS:
                if not self.allowed.name_server:
                    yield "asks a name server"
            elif not address.is_loopback and str(address) not in self.allowed.addresses:
                yield f"{call.name} beyond loopback"
            elif call.name == "connect" and self.allowed.ports is not None and port not in self.allowed.ports:
                yield f"connects to port {port}"
        if call.name == "connect" and (found := UNIX.search(call.arguments)):
            path = _text(found[1])
            if not self._may_write(path) and not (self.allowed.look_ups and path == NAME_CACHE):
                yield "connects to another program"

    def _learns_route(self, call):
        found = SOCKET.match(call.arguments)
        return bool(self.allowed.routes and call.name == "connect" and found and found[1] in self.datagrams - self.sent)

    def _may_write(self, path):
        if DEVICES.fullmatch(path):
            return True
        return any(path == base or path.startswith(base.rstrip("/") + "/") for base in self.writes)


class Watched:
    """A program's surroundings in `root`: home, work (where it starts), tmp, cache, and the folders of XDG."""

    def __init__(self, root):
        self.root = pathlib.Path(os.path.realpath(root))
        self.home, self.work, self.tmp, self.cache = (self._folder(name) for name in ("home", "work", "tmp", "cache"))
        xdg = {f"XDG_{kind}": str(self._folder(f"xdg-{kind.lower()}"))
               for kind in ("CACHE_HOME", "CONFIG_HOME", "DATA_HOME", "STATE_HOME", "RUNTIME_DIR")}
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        self.environment = {**kept, **xdg, "HOME": str(self.home), "TMPDIR": str(self.tmp), "NESTVEC_CACHE": str(self.cache)}
        self.trace = self.root / "strace.txt"

    def _folder(self, name):
        folder = self.root / name
        folder.mkdir(parents=True)
        return folder

    def files(self):
        """All files below the folders, without the cache of models."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*")
                      if not path.is_dir() and path != self.trace and not path.is_relative_to(self.cache))

    def strace(self):
        """What to write before a command to watch it, once or more often."""
        return () if why_not() else (*STRACE, "-o", str(self.trace))

    def start(self, *command, env=None, **options):
        return subprocess.Popen([*self.strace(), *map(os.fspath, command)], env={**self.environment, **(env or {})}, cwd=self.work,
                                start_new_session=True, **options)

    def run(self, *command, env=None, stdin=b"", timeout=300):
        """Its standard output; it must succeed."""
        process = self.start(*command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == 0, err.decode(errors="replace")
        return out.decode()

    def program(self, process, seconds=60):
        """The process id of the program that `start` has started, which is not that of strace."""
        end = time.monotonic() + seconds
        while not why_not():
            with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
                return int(self.trace.read_text().split(maxsplit=1)[0])
            assert process.poll() is None and time.monotonic() < end, "strace wrote nothing"
            time.sleep(0.01)
        return process.pid

    def calls(self):
        return parse(self.trace.read_text(errors="surrogateescape"))

    def check(self, files=(), exceptions=lambda calls: {}, **allowed):
        """Nothing but `files` is left in the folders, and the calls are such as `Allowed` says; `exceptions` may allow more
        to a process, told by its calls. To be asked after the program has ended. Where strace cannot watch, the rest of
        the test is skipped; in continuous integration it fails.
        """
        found, expected = self.files(), sorted(files)
        problems = [] if found == expected else [f"files: {found}, expected {expected}"]
        allowed["writes"] = (*allowed.get("writes", ()), self.cache)
        processes = [] if why_not() else by_process(self.calls())
        for calls in processes:
            problems += Judge(calls, self.work, Allowed(**allowed | exceptions(calls))).problems
        assert not problems, "\n".join([f"{len(problems)} things that nobody asked for:", *problems])
        if reason := why_not():
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"files were checked, sockets and look-ups were not: {reason}")
        assert any(call.name in OPENS for calls in processes for call in calls), "strace saw nothing"
        return processes
