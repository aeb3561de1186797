# SPDX-License-Identifier: Apache-2.0
"""Processes pinned to a core, and what /proc knows about them."""
import glob
import os
import signal
import socket
import subprocess
import time


def pinned(core, nice):
    """What a child does before exec: a session of its own (so a scheduler autogroup of its own), one core."""
    def pin():
        os.setsid()
        os.sched_setaffinity(0, {core})
        if nice:
            try:
                with open("/proc/self/autogroup", "w") as file:
                    file.write(str(nice))
            except OSError:  # no autogroups here
                os.setpriority(os.PRIO_PROCESS, 0, nice)
    return pin


def start(argv, core, nice, directory, name):
    """Starts argv on one core in its own session; its output goes to directory/name.log."""
    path = os.path.join(directory, name + ".log")
    log = open(path, "wb")
    started = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                               preexec_fn=pinned(core, nice))
    started.log_path = path
    return started


def log_tail(process):
    with open(process.log_path, errors="replace") as file:
        return file.read()[-1500:]


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except ProcessLookupError:
        process.wait()


def wait_for(address, process, seconds=20):
    """Until something listens at address; an early end of the process is an error."""
    host, port = address.rsplit(":", 1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}: {log_tail(process)}")
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{process.args[0]} does not listen at {address}: {log_tail(process)}")


def tree(pid):
    """pid and all its descendants."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                text = file.read()
        except OSError:
            continue
        parents[int(path.split("/")[2])] = int(text[text.rindex(")") + 2:].split()[1])
    out, queue = [], [pid]
    while queue:
        at = queue.pop()
        out.append(at)
        queue += [child for child, parent in parents.items() if parent == at]
    return out


def cpu_ns(pid):
    """Nanoseconds that the tree has been on a CPU."""
    total = 0
    for process in tree(pid):
        for path in glob.glob(f"/proc/{process}/task/*/schedstat"):
            try:
                with open(path) as file:
                    total += int(file.read().split()[0])
            except OSError:
                pass
    return total


def pss_mb(pid):
    total = 0
    for process in tree(pid):
        try:
            with open(f"/proc/{process}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1024
