# SPDX-License-Identifier: Apache-2.0
"""Checks the command of an installed wheel, with nothing but that: python wheel_check.py MODEL_FOLDER.

For environments that have no pytest. Prints a line a check; the exit code is that of the first that fails.
"""

import http.client
import importlib.metadata
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile

TEXT = "Grüße aus 東京"
SECONDS = 300
SCRIPT = shutil.which("nestvec", path=sysconfig.get_path("scripts"))
MODULE = (sys.executable, "-m", "nestvec")


class Checks:
    """One method a check; `folder` is empty and for the checks alone."""

    def __init__(self, model, folder):
        assert SCRIPT, f"there is no nestvec in {sysconfig.get_path('scripts')}"
        self.model = os.path.abspath(model)
        self.folder = pathlib.Path(folder)
        (self.folder / "home").mkdir()
        self.environment = {**os.environ, "HOME": str(self.folder / "home"), "PYTHONPATH": "",
                            "NESTVEC_CACHE_DIR": str(self.folder / "cache"), "NO_COLOR": "1"}

    def run(self, *command, **options):
        options = {"stdin": subprocess.DEVNULL, "env": self.environment, "timeout": SECONDS, "cwd": self.folder, **options}
        return subprocess.run(command, capture_output=True, **options)

    def ok(self, *command, **options):
        done = self.run(*command, **options)
        assert done.returncode == 0, (command, done.returncode, done.stderr)
        return done.stdout.decode()

    def check_the_version_is_that_of_the_package(self):
        expected = f"nestvec {importlib.metadata.version('nestvec')}\n"
        assert self.ok(SCRIPT, "version") == expected
        assert self.ok(*MODULE, "--version") == expected

    def check_every_command_has_its_help(self):
        commands = re.findall(r"^  ([a-z]+) ", self.ok(SCRIPT, "--help").partition("\nOptions:")[0], re.MULTILINE)
        assert {"embed", "serve", "pull", "tokenize", "compile", "health", "completions", "man"} <= set(commands), commands
        for command in commands:
            assert f"Usage: nestvec {command}" in self.ok(SCRIPT, command, "--help"), command

    def check_exit_codes_are_those_of_the_program(self):
        for code, arguments in ((2, ("nonsense",)), (3, ("info", "--model", "/no/such/folder")), (0, ("--help",))):
            for command in ((SCRIPT,), MODULE):
                done = self.run(*command, *arguments)
                assert done.returncode == code, (command, arguments, done.returncode, done.stderr)
                assert code == 0 or re.fullmatch(rb"nestvec: error: [^\n]*\n", done.stderr), done.stderr

    def check_vectors_are_those_of_the_module(self):
        script = ("import sys, nestvec; model = nestvec.Model.load(sys.argv[1], precision='fp32'); "
                  "print(model.encode(sys.argv[2]).tolist())")
        expected = json.loads(self.ok(sys.executable, "-c", script, self.model, TEXT))
        line = self.ok(SCRIPT, "embed", "--model", self.model, "--precision", "fp32", "--format", "jsonl", TEXT)
        found = json.loads(line)["embedding"]
        assert len(found) == len(expected) and max(abs(a - b) for a, b in zip(found, expected)) < 1e-6

    def check_standard_input_and_files(self):
        (self.folder / "in.txt").write_text(f"{TEXT}\nAnother.\n")
        with open(self.folder / "in.txt", "rb") as lines:
            ids = self.ok(SCRIPT, "tokenize", "--tokenizer", self.model, stdin=lines).splitlines()
        assert len(ids) == 2
        self.ok(SCRIPT, "embed", "--model", self.model, "--input", "in.txt", "--output", "out.npy")
        assert (self.folder / "out.npy").stat().st_size > 128

    def check_compile(self):
        self.ok(SCRIPT, "compile", self.model, "-o", "compiled")
        assert json.loads(self.ok(SCRIPT, "embed", "--model", "compiled", "--format", "jsonl", TEXT))

    def check_completions_and_manual(self):
        assert "complete" in self.ok(SCRIPT, "completions", "bash")
        assert ".TH" in self.ok(SCRIPT, "man")

    def check_a_reader_that_goes_away(self):
        for command in ((SCRIPT,), MODULE):
            process = subprocess.Popen([*command, "--help-all"], env=self.environment, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            process.stdout.close()
            complaint = process.stderr.read()
            assert (process.wait(SECONDS), complaint) == (141, b""), complaint

    def check_it_is_found_in_path_whatever_lies_beside(self):
        place = self.folder / "a folder of a user"
        (place / "nestvec").mkdir(parents=True)
        for name in ("nestvec.py", "nestvec_command.py", "signal.py", "nestvec/__init__.py"):
            (place / name).write_text("raise SystemExit('the wrong file')\n")
        path = f"{sysconfig.get_path('scripts')}:{os.environ.get('PATH', '')}"
        shown = self.ok("sh", "-c", "nestvec version && command -v nestvec", cwd=place, env={**self.environment, "PATH": path})
        assert shown.splitlines()[1] == SCRIPT, shown

    def check_serve(self):
        for command in ((SCRIPT,), MODULE):
            self.serve(command)

    def serve(self, command):
        with open(self.folder / "log", "wb") as log:
            process = subprocess.Popen([*command, "serve", "--model", self.model, "--http", "127.0.0.1:0"],
                                       env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        try:
            readable, _, _ = select.select([process.stdout], [], [], SECONDS)
            line = process.stdout.readline().decode() if readable else ""
            ready = re.search(r"ready http://127\.0\.0\.1:(\d+)", line)
            assert ready, (line, (self.folder / "log").read_text())
            self.ask(int(ready[1]))
            # No Python is left, and what Python ignores is not ignored.
            program = os.readlink(f"/proc/{process.pid}/exe")
            assert program.endswith("/nestvec/bin/nestvec") or "qemu" in program, program
            ignored = re.search(r"^SigIgn:\s*([0-9a-f]+)", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
            assert not int(ignored[1], 16) >> (signal.SIGXFSZ - 1) & 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0, (self.folder / "log").read_text()
        finally:
            process.kill()
            process.communicate()

    def ask(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("POST", "/v1/embeddings", json.dumps({"input": TEXT}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200 and json.loads(answer.read())["data"][0]["embedding"]
        connection.close()
        self.ok(SCRIPT, "health", f"http://127.0.0.1:{port}")


NAMES = [name for name in vars(Checks) if name.startswith("check_")]


def main():
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            getattr(Checks(sys.argv[1], folder), name)()
        print(f"passed: {name.removeprefix('check_').replace('_', ' ')}", flush=True)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"{len(NAMES)} checks of nestvec {importlib.metadata.version('nestvec')} passed with Python {version}")


if __name__ == "__main__":
    main()
