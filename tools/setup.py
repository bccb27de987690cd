"""Make the environment of the book: .venv, with what requirements.txt pins.

    python3 tools/setup.py            what `make book` and `make lab` need
    python3 tools/setup.py --tests    and the browser that `make test` needs

A second run takes a second: it installs only after a change of
requirements.txt or pyproject.toml. Nothing here needs more than the standard
library, and Python 3.6 can still read it, to say that it is too old: that is
why it has no newer syntax and says `universal_newlines` for `text`.
"""

import argparse
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from browser import HOW_TO_INSTALL, find_chromium

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed")
LOG = os.path.join(VENV, "install.log")
OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED = 3.0  # gigabytes; the CUDA build of PyTorch takes some more

NO_VENV = """{python} cannot make a virtual environment: its part
`ensurepip` is missing. On Debian and Ubuntu:

    sudo apt install python{version}-venv
"""
NO_DISK = """The disk is full. The book's environment needs about
{needed:.0f} GB; there are free

    {free:.1f} GB for {root}
    {spare:.1f} GB for {temporary} (while it installs)

Make room and run the same command again.
"""
NO_NETWORK = """pip did not reach its package index, so nothing was installed.
Is the network up? Does it need a proxy (HTTPS_PROXY)? pip said:

    {words}

Run the same command again when it is; all of it: {log}
"""
NO_INSTALL = """pip failed:

    {words}

All that it said: {log}
"""
FULL = re.compile(r"No space left on device|Disk quota exceeded")
CUT = re.compile(
    r"Retrying \(Retry|NewConnectionError|NameResolutionError"
    r"|ConnectTimeout|ReadTimeout|Connection (?:refused|reset|aborted)"
    r"|Network is unreachable|ProxyError|\(from versions: none\)"
)


class Missing(Exception):
    """Something that the user has to do first; its text says what."""


def version_of(python):
    """Return the version of an interpreter, (3, 11); None without one."""
    script = "import sys; print(sys.version_info[0], sys.version_info[1])"
    try:
        output = subprocess.check_output(
            [python, "-c", script], stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor = output.split()
    return int(major), int(minor)


def find_python():
    """Return an interpreter of a fitting version: this one, or another."""
    fitting = [sys.executable]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        fitting.append(shutil.which(f"python3.{minor}"))
    for python in fitting:
        if python and OLDEST <= (version_of(python) or (0, 0)) <= NEWEST:
            return python
    raise Missing(
        "Python {}.{} to {}.{} is needed, and {} is Python {}.{}.\n"
        "Install a fitting one, or name it: make book PYTHON=/path/to/python"
        "\n".format(*OLDEST, *NEWEST, sys.executable, *sys.version_info[:2])
    )


def fingerprint(python):
    """Return what the installed environment depends on, as one word."""
    digest = hashlib.sha256(repr(version_of(python)).encode())
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    digest.update(ROOT.encode())
    return digest.hexdigest()


def installed():
    """Return the fingerprint of the environment that is there, or ''."""
    if version_of(PYTHON) is None:
        return ""
    try:
        with open(STAMP) as file:
            return file.read()
    except OSError:
        return ""


def make_environment(python):
    """Make an empty .venv, anew when the one that is there does not run."""
    version = version_of(python)
    if version_of(PYTHON) == version:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run(
        [python, "-m", "venv", VENV],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,  # noqa: UP021
    )
    if made.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if FULL.search(made.stdout):
        raise no_disk()
    name = "{}.{}".format(*version)
    if "ensurepip" in made.stdout:
        raise Missing(NO_VENV.format(python=python, version=name))
    raise Missing(f"{python} -m venv failed:\n{made.stdout}")


def free_space(folder=ROOT):
    """Return the free space under a folder, in gigabytes."""
    return shutil.disk_usage(folder).free / 1e9


def no_disk():
    """Return the error that says how much space is missing, and where."""
    temporary = tempfile.gettempdir()
    return Missing(
        NO_DISK.format(
            needed=NEEDED,
            root=ROOT,
            free=free_space(),
            temporary=temporary,
            spare=free_space(temporary),
        )
    )


def pip(*arguments):
    """Run pip in .venv, show its progress, keep its words in the log."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,  # noqa: UP021
    )
    words = []
    with process, open(LOG, "a") as log:
        for line in process.stdout:
            log.write(line)
            words.append(line)
            show(line)
    show("")
    if process.returncode == 0:
        return
    said = [line for line in words if re.match(r"\s*(ERROR|WARNING)", line)]
    last = "\n    ".join(line.strip()[:200] for line in (said or words)[-3:])
    text = "".join(words)
    if FULL.search(text):
        raise no_disk()
    if CUT.search(text):
        raise Missing(NO_NETWORK.format(words=last, log=LOG))
    raise Missing(NO_INSTALL.format(words=last, log=LOG))


def show(line):
    """Show the step that pip is at, in one line that replaces itself."""
    if not sys.stdout.isatty():
        return
    step = re.match(r"\s*(Collecting|Downloading|Installing) \S+", line)
    if step or not line:
        text = step.group(0).strip() if step else ""
        sys.stdout.write("\r\033[K" + text[:78])
        sys.stdout.flush()


def install(python):
    """Install what requirements.txt names into .venv, compiled."""
    if free_space() < NEEDED:
        raise no_disk()
    print("Installing the book's environment into .venv: some minutes, once.")
    start = time.time()
    make_environment(python)
    pip("--compile", "-r", "requirements.txt")
    with open(STAMP, "w") as file:
        file.write(fingerprint(python))
    print(f"Installed in {time.time() - start:.0f} s.")


def main():
    """Install what is missing; say in plain words what cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true")
    options = parser.parse_args()
    try:
        python = find_python()
        if options.tests and not find_chromium():
            raise Missing(HOW_TO_INSTALL)
        if installed() != fingerprint(python):
            install(python)
    except Missing as missing:
        sys.exit("\n" + str(missing))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run the same command again to go on.")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit("\n" + str(no_disk()))


if __name__ == "__main__":
    main()
