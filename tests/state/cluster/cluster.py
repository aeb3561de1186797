# SPDX-License-Identifier: Apache-2.0
"""A world of three regions, each in a network and a data directory of its own and run by the keeper that `sealane up` runs
for it: nodes, nats-server and their restarts are the real ones."""
import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess
import threading
import time
import urllib.request

from state.cluster.client import NO_ANSWER, Client, Refused
from state.cluster.networks import Networks

REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
KEY, SECRET = "AKIDCLUSTER", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
STATE_PORT, STATUS_PORT = 8000, 8901
HANG_S = 90
HERE = os.path.dirname(os.path.abspath(__file__))


class Cluster:
    """Runs in a `with` block. The calling thread stays in the network it came from; see Cluster.client()."""

    networks = None  # one for all clusters of a test: names of networks cannot be had twice

    def __init__(self, build, directory, tables):
        self.sealane = os.path.join(os.path.abspath(build), "sealane")
        self.dir = directory
        os.makedirs(directory)
        if Cluster.networks is None:
            Cluster.networks = Networks(REGIONS)
        self.networks = Cluster.networks
        self.addresses = self.networks.addresses
        self.keepers = {}  # region: process; those that run
        self.world = self._write("world.yaml", "\n".join([
            "domain: agent.example.test", "lanes: 1", "edge: { enabled: false }", "regions:",
            *(f"  {r}: {{ nodes: [{ip}], agents: ['http://{ip}:9001'] }}" for r, ip in self.addresses.items()),
            # Nobody answers there; this is about tables.
            "health: { interval: 5s, timeout: 1s }",
            f"control: {{ keys: {directory}/keys }}", "state:", "  tables:", *(f"    - {t}" for t in tables)]) + "\n")
        os.chmod(self._write("keys", f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"), 0o600)
        self.preload = self._build_clock_off()

    def _write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def _build_clock_off(self):
        library = os.path.join(self.dir, "clock_off.so")
        subprocess.run(["clang-19", "-shared", "-fPIC", "-O1", "-o", library, os.path.join(HERE, "clock_off.c")], check=True)
        for region in REGIONS:
            with open(self._clock_file(region), "wb") as f:
                f.write(struct.pack("=q", 0))
        return library

    def __enter__(self):
        try:
            # The first makes the authority that all must share, as docs/STATE.md has it.
            first, *others = REGIONS
            self.start(first)
            self.wait_until(lambda: self.answers(first), "the first region")
            for region in others:
                self._share_authority(first, region)
                self.start(region)
            self.wait_until(self.all_heard, "all regions to hear each other")
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, kind, *_):
        self.networks.heal()
        for region in REGIONS:
            if kind:
                self.say_what_happened(region)
            self.kill(region)
        shutil.rmtree(self.dir, ignore_errors=True)

    def _share_authority(self, giver, taker):
        shutil.copytree(os.path.join(self.data(giver), "ca"), os.path.join(self.data(taker), "ca"))

    def say_what_happened(self, region):
        folder = os.path.join(self.data(region), "log")
        for log in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            with open(os.path.join(folder, log), errors="replace") as f:
                print(f"--- {region} {log}", *f.read().splitlines()[-12:], sep="\n", flush=True)

    # ── processes ──

    def data(self, region):
        return os.path.join(self.dir, region)

    def start(self, region):
        command = self.networks.command(region, self.sealane, "keep-region", "--world", self.world, "--region", region,
                                        "--data", self.data(region))
        with open(os.path.join(self.dir, region + "-keeper.log"), "a") as log:
            self.keepers[region] = subprocess.Popen(command, stdout=log, stderr=log, env={
                **os.environ, "LD_PRELOAD": self.preload, "CLOCK_OFF": self._clock_file(region)})

    def kill(self, region):
        """The whole region at once: nobody lives longer than the keeper."""
        keeper = self.keepers.pop(region, None)
        if keeper is None:
            return
        keeper.kill()
        keeper.wait()
        # Children die of their parent's death a moment after it.
        deadline = time.monotonic() + HANG_S
        while any(self._is_alive(pid) for kind in ("node", "messaging") for pid in self.pids(region, kind)):
            assert time.monotonic() < deadline, f"processes of {region} outlive their keeper"
            time.sleep(0.005)

    def destroy(self, region):
        """For good, with all that was on its disks."""
        self.kill(region)
        shutil.rmtree(self.data(region))

    def replace(self, region):
        """New machines for a region that was destroyed."""
        giver = next(iter(self.keepers))
        self._share_authority(giver, region)
        self.start(region)

    def pids(self, region, kind):
        """Of a region's `node` or nats-server (`messaging`)."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            with open(os.path.join(self.data(region), "run", region + ".json")) as f:
                return [c["pid"] for c in json.load(f) if c["kind"] == kind and c["pid"] > 0]
        return []

    @staticmethod
    def _is_alive(pid):
        try:
            with open(f"/proc/{pid}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def signal(self, region, kind, number):
        if region in self.keepers:
            for pid in self.pids(region, kind):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def thaw(self, region):
        for kind in ("node", "messaging"):
            self.signal(region, kind, signal.SIGCONT)

    # ── clocks ──

    def _clock_file(self, region):
        return os.path.join(self.dir, region + "-clock")

    def set_clock_off(self, region, seconds):
        with open(self._clock_file(region), "r+b") as f:
            f.write(struct.pack("=q", int(seconds * 1e9)))

    # ── asking; only from threads that have moved in ──

    def client(self, region, timeout_s=2.0):
        """Moves this thread into the region."""
        self.networks.move_in(region)
        return Client(f"{self.addresses[region]}:{STATE_PORT}", region, KEY, SECRET, timeout_s)

    def run_in(self, region, *words, **options):
        return subprocess.Popen(self.networks.command(region, *words), **options)

    def answers(self, region):
        return self.ask(region, lambda client: client.call("ListTables", {}))

    def ask(self, region, what):
        """What a new thread in the region's network gets from what(client); None when there is no answer."""
        def run():
            client = self.client(region)
            with contextlib.suppress(*NO_ANSWER, Refused):
                result.append(what(client))
            client.close()
        result = []
        in_thread(run)
        return result[0] if result else None

    def status(self, region):
        """Of the region's tables; None when there is no answer."""
        def run():
            self.networks.move_in(region)
            with contextlib.suppress(OSError, ValueError):
                with urllib.request.urlopen(f"http://{self.addresses[region]}:{STATUS_PORT}/status", timeout=2) as page:
                    result.append(json.load(page)["state"])
        result = []
        in_thread(run)
        return result[0] if result else None

    def all_heard(self):
        for region in self.keepers:
            status = self.status(region)
            if not status or not self.answers(region):
                return False
            heard = {r["region"] for r in status["replicas"] if r["silent_ms"] < 2000}
            if not set(self.keepers) - {region} <= heard:
                return False
        return True

    @staticmethod
    def wait_until(what, words, pause_s=0.02):
        start = time.monotonic()
        while not what():
            if time.monotonic() - start > HANG_S:
                raise AssertionError(f"waited {HANG_S} s for {words}")
            time.sleep(pause_s)
        return time.monotonic() - start


def in_thread(run):
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
