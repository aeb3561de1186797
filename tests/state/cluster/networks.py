# SPDX-License-Identifier: Apache-2.0
"""A network of its own for each region, and one between them that knows how to lose what it should carry.

      us-east-1  10.78.1.1 ── wan ── 10.78.2.1  eu-west-1
                               │
                     10.78.3.1  ap-northeast-1

Only inside namespaces of the test's own (own_machine.py): all of it is gone with them.
"""
import ctypes
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
WAN = "wan"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Networks:
    def __init__(self, regions):
        self.addresses = {region: f"10.78.{i + 1}.1" for i, region in enumerate(regions)}
        self._names = {region: f"r{i + 1}" for i, region in enumerate(regions)}
        self._lost = set()       # (from, to): what is sent on this way is swallowed
        self._unplugged = set()
        self._changing = threading.Lock()
        ip("netns", "add", WAN)
        with open("/proc/thread-self/ns/net") as home:
            self._set("net.ipv4.ip_forward", home)
        for region in regions:
            self._add(region)

    @staticmethod
    def _set(name, home):
        """A setting of the network between, not of ours."""
        with open(f"/run/netns/{WAN}") as there:
            assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0
            with open("/proc/sys/" + name.replace(".", "/"), "w") as setting:
                setting.write("1")
            assert LIBC.setns(home.fileno(), CLONE_NEWNET) == 0

    def _add(self, region):
        net, number = self._names[region], self._names[region][1:]
        ip("netns", "add", net)
        ip("-n", net, "link", "set", "lo", "up")
        # On lo, so that a region without a cable still has its address.
        ip("-n", net, "address", "add", f"{self.addresses[region]}/32", "dev", "lo")
        ip("link", "add", "cable", "netns", net, "type", "veth", "peer", "name", net, "netns", WAN)
        ip("-n", net, "address", "add", f"10.79.{number}.2/30", "dev", "cable")
        ip("-n", WAN, "address", "add", f"10.79.{number}.1/30", "dev", net)
        ip("-n", WAN, "link", "set", net, "up")
        ip("-n", WAN, "route", "add", f"10.78.{number}.0/24", "via", f"10.79.{number}.2")
        self._plug(region)

    def _plug(self, region):
        net, number = self._names[region], self._names[region][1:]
        ip("-n", net, "link", "set", "cable", "up")
        ip("-n", net, "route", "add", "default", "via", f"10.79.{number}.1", "src", self.addresses[region])
        # The other end loses its route when the carrier goes.
        ip("-n", WAN, "route", "replace", f"10.78.{number}.0/24", "via", f"10.79.{number}.2")

    # ── faults ──

    def impair(self, lost=(), unplugged=()):
        """From now on exactly these ways (from, to) swallow what they are given, and these regions have no cable: what they
        send fails at once."""
        with self._changing:
            lost, unplugged = set(lost), set(unplugged)
            for verb, ways in (("add", lost - self._lost), ("del", self._lost - lost)):
                for a, b in ways:
                    ip("-n", WAN, "rule", verb, "from", self.addresses[a], "to", self.addresses[b], "blackhole")
            self._lost = lost
            for region in unplugged - self._unplugged:
                ip("-n", self._names[region], "link", "set", "cable", "down")
            for region in self._unplugged - unplugged:
                self._plug(region)
            self._unplugged = unplugged

    def around(self, region):
        """All ways of one region."""
        others = [r for r in self.addresses if r != region]
        return {(region, r) for r in others} | {(r, region) for r in others}

    def heal(self):
        self.impair()

    # ── who is where ──

    def command(self, region, *words):
        return ["ip", "netns", "exec", self._names[region], *words]

    def move_in(self, region):
        """From now on this thread makes its sockets in the region."""
        with open(f"/run/netns/{self._names[region]}") as there:
            assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
