# SPDX-License-Identifier: Apache-2.0
"""Runs a test program as if it had a machine to itself: a network, a process table and mounts of its own
(unshare(1)), so that it may listen on port 53, change /etc/resolv.conf and pull cables. Needs no root where
the kernel lets users make namespaces. All of it is gone when the program ends, however it ends."""
import os
import subprocess
import sys

SKIPPED = 77  # the exit code of a test that could not run here, for ctest and tests/all.sh

_INSIDE = "SEALANE_OWN_MACHINE"


def enter(needed=True):
    """Returns in the new namespaces; outside it does not return. A test that is only safer there, from other
    worlds on the same addresses, says needed=False and runs without them where they cannot be had."""
    if os.environ.get(_INSIDE):
        _set_up()
        return
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare.append("--map-root-user")
    try:
        tried = subprocess.run([*unshare, "true"], capture_output=True, text=True)
        why = tried.stderr.strip() if tried.returncode != 0 else ""
    except FileNotFoundError:
        why = "unshare is not installed (package util-linux)"
    if why and not needed:
        return
    if why:
        print(f"SKIPPED: {os.path.basename(sys.argv[0])} needs a network namespace of its own: {why}")
        sys.exit(SKIPPED)
    sys.exit(subprocess.run([*unshare, sys.executable, *sys.argv], env={**os.environ, _INSIDE: "1"}).returncode)


def _set_up():
    for command in (["ip", "link", "set", "lo", "up"],
                    # A machine with loopback addresses only asks no name server (AI_ADDRCONFIG, RFC 3493 6.1).
                    ["ip", "address", "add", "192.0.2.1/32", "dev", "lo"],
                    ["mount", "-t", "tmpfs", "none", "/run"]):  # ip-netns(8) keeps its names there
        subprocess.run(command, check=True)


def use_name_servers(addresses):
    """The system's own resolver asks these, in this order."""
    text = "".join(f"nameserver {a}\n" for a in addresses) + "options timeout:1 attempts:3\n"
    with open("/run/resolv.conf", "w") as f:
        f.write(text)
    with open("/run/hosts", "w") as f:
        f.write("127.0.0.1 localhost\n")
    with open("/run/nsswitch.conf", "w") as f:
        f.write("hosts: files dns\n")
    for name in ("resolv.conf", "hosts", "nsswitch.conf"):
        if os.path.exists(f"/etc/{name}"):
            subprocess.run(["mount", "--bind", f"/run/{name}", f"/etc/{name}"], check=True)
