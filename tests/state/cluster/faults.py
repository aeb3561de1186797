# SPDX-License-Identifier: Apache-2.0
"""A schedule of faults that a seed decides, and its execution: ways and whole regions cut off, nodes and nats-servers killed
and frozen, machines that die, clocks that are off by up to two seconds."""
import random
import signal
import threading
import time

from state.cluster.cluster import REGIONS

CLOCK_OFF_MAX_S = 2.0
KINDS = ("way", "one way", "region", "cable", "kill node", "kill messaging", "kill region", "freeze node", "freeze messaging",
         "clock")


class Fault:
    def __init__(self, at_s, lasts_s, kind, region, other, off_s):
        self.at_s, self.until_s = at_s, at_s + lasts_s
        self.kind, self.region, self.other, self.off_s = kind, region, other, off_s

    def __str__(self):
        more = {"way": self.other, "one way": self.other, "clock": f"{self.off_s:+.2f} s"}.get(self.kind, "")
        return f"{self.kind} {self.region} {more} {self.at_s:.1f}..{self.until_s:.1f} s".replace("  ", " ")


def schedule(seed, seconds):
    """Every kind comes up before one comes up again, and two or three faults overlap as a rule."""
    dice, faults, at, kinds = random.Random(seed), [], 0.5, []
    while True:
        at += dice.uniform(0.4, 2.2)
        lasts = dice.uniform(0.3, 5.0)
        if at + lasts > seconds:
            return faults
        if not kinds:
            kinds = dice.sample(KINDS, len(KINDS))
        region, other = dice.sample(REGIONS, 2)
        faults.append(Fault(at, lasts, kinds.pop(), region, other, dice.uniform(-CLOCK_OFF_MAX_S, CLOCK_OFF_MAX_S)))


class Faults:
    """Carries a schedule out in a thread of its own; all is healed when it ends."""

    def __init__(self, cluster, faults, note, spared=()):
        self.cluster, self.note = cluster, note
        self.faults = [f for f in faults if f.region not in spared]
        self._stopped = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self.join()

    def join(self):
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self):
        begin = time.monotonic()
        moments = sorted([(f.at_s, 1, f) for f in self.faults] + [(f.until_s, 0, f) for f in self.faults], key=lambda m: m[:2])
        active = []
        try:
            for at, is_begin, fault in moments:
                if self._stopped.wait(max(0.0, begin + at - time.monotonic())):
                    break
                self.note(f"FAULT {'begins' if is_begin else 'ends'}: {fault}")
                active.append(fault) if is_begin else active.remove(fault)
                self._strike(fault) if is_begin else self._end(fault, active)
                self._cut(active)
        except BaseException as error:
            self._error = error
        finally:
            self._heal()

    def _cut(self, active):
        lost, unplugged = set(), set()
        for fault in active:
            if fault.kind in ("way", "one way"):
                lost.add((fault.region, fault.other))
            if fault.kind == "way":
                lost.add((fault.other, fault.region))
            if fault.kind == "region":
                lost |= self.cluster.networks.around(fault.region)
            if fault.kind == "cable":
                unplugged.add(fault.region)
        self.cluster.networks.impair(lost, unplugged)

    def _strike(self, fault):
        verb, _, what = fault.kind.partition(" ")
        if fault.kind == "kill region":
            self.cluster.kill(fault.region)
        elif verb in ("kill", "freeze"):
            self.cluster.signal(fault.region, what, signal.SIGKILL if verb == "kill" else signal.SIGSTOP)
        elif verb == "clock":
            self.cluster.set_clock_off(fault.region, fault.off_s)

    def _end(self, fault, active):
        if fault.kind == "kill region" and fault.region not in self.cluster.keepers:
            self.cluster.start(fault.region)
        elif fault.kind.startswith("freeze"):
            self.cluster.signal(fault.region, fault.kind.partition(" ")[2], signal.SIGCONT)
        elif fault.kind == "clock" and not any(f.kind == "clock" and f.region == fault.region for f in active):
            self.cluster.set_clock_off(fault.region, 0)

    def _heal(self):
        self.note("HEALED")
        self.cluster.networks.heal()
        for region in {f.region for f in self.faults}:
            self.cluster.set_clock_off(region, 0)
            self.cluster.thaw(region)
            if region not in self.cluster.keepers:
                self.cluster.start(region)
