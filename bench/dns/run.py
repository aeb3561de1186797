#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sealane's name server beside gdnsd and Knot, on this machine, in one run.

    bench/dns/run.py [--sealane build/release/sealane] [--blast build/release/dns_blast]
                     [--rounds 5] [--seconds 1.5] [--mix one,mix,geo] [--json out.json]

Each server gets core 0, the client (window 128 over 4 sockets) core 1; the servers take turns, every other round
in the opposite order. What is compared is queries per second of the server's CPU time (its whole process tree, from
/proc/PID/task/*/schedstat), since on two cores the client is often what is slow. Medians over the rounds.

  one   one A name
  mix   10,000 names (A 85, AAAA 9, TXT 4, CNAME 2 %), 5 % of the questions for names that do not exist
  geo   one name, another /24 as EDNS Client Subnet in each packet out of 20,000, answered by subnet out of 4

Knot answers no `geo`: Debian has its module in a package of its own, and the anchor there is gdnsd.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

PORT = 5300
SUBNETS = 20_000
QUERIES = 50_000
REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1", "sa-east-1"]
GEO_NAME = "agent.geo.test"
ZONE = "mix.test"
ANCHOR = {"one": "knot", "mix": "knot", "geo": "gdnsd"}
GOAL = {"one": 1.0, "mix": 1.0, "geo": 0.95}


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def query(number, name, qtype, subnet=None):
    """One query packet; `subnet` is the first three bytes of a /24."""
    head = struct.pack(">6H", number & 0xFFFF, 0, 1, 0, 0, 1 if subnet else 0)
    packet = head + wire_name(name) + struct.pack(">2H", qtype, 1)
    if subnet:
        ecs = struct.pack(">2HH2B", 8, 7, 1, 24, 0) + subnet
        packet += b"\0" + struct.pack(">2HIH", 41, 1232, 0, len(ecs)) + ecs
    return packet


def write_queries(path, packets):
    path.write_bytes(b"".join(struct.pack(">H", len(p)) + p for p in packets))


class Material:
    """Zones, maps and queries that all servers share."""

    def __init__(self, folder):
        self.folder = folder
        dice = random.Random(1)
        kinds = ["A"] * 8500 + ["AAAA"] * 900 + ["TXT"] * 400 + ["CNAME"] * 200
        dice.shuffle(kinds)
        numbers = {"A": 1, "AAAA": 28, "TXT": 16, "CNAME": 1}
        lines = ["$TTL 300", "@ SOA ns1 hostmaster 1 3600 600 86400 60", "@ NS ns1", "ns1 A 192.0.2.53"]
        questions = []
        for i, kind in enumerate(kinds):
            data = {"A": f"192.0.{i >> 8 & 255}.{i & 255}", "AAAA": f"2001:db8::{i:x}", "TXT": f'"text number {i}"',
                    "CNAME": "ns1"}[kind]
            lines.append(f"host{i} {kind} {data}")
            questions.append((f"host{i}.{ZONE}", numbers[kind]))
        self.zone_file = folder / "mix.test.zone"
        self.zone_file.write_text("\n".join(lines) + "\n")
        picks = []
        for i in range(QUERIES):
            missing = i % 20 == 0
            picks.append((f"no{i}.{ZONE}", 1) if missing else questions[dice.randrange(len(questions))])
        dice.shuffle(picks)
        write_queries(folder / "mix.q", [query(i, n, t) for i, (n, t) in enumerate(picks)])
        write_queries(folder / "one.q", [query(i, f"ns1.{ZONE}", 1) for i in range(1000)])
        # 20,000 /24s of 10.0.0.0/8, dealt evenly to the regions.
        self.region_of = [i % len(REGIONS) for i in range(SUBNETS)]
        dice.shuffle(self.region_of)
        nets = [bytes([10, i >> 8, i & 255]) for i in range(SUBNETS)]
        geo = [query(i, GEO_NAME, 1, net) for i, net in enumerate(nets)]
        dice.shuffle(geo)
        write_queries(folder / "geo.q", geo)

    def nets(self, region):
        return [f"10.{i >> 8}.{i & 255}.0/24" for i in range(SUBNETS) if self.region_of[i] == region]


class Sealane:
    name, address, mixes = "sealane", "127.20.1.1", ("one", "mix", "geo")

    def __init__(self, binary):
        self.binary = binary

    def prepare(self, material):
        folder = material.folder / self.name
        folder.mkdir()
        shutil.copy(material.zone_file, folder)
        lines = [f"domain: {GEO_NAME}", "lanes: 1", "regions:"]
        for i, region in enumerate(REGIONS):
            lines += [f"  {region}:", f"    nodes: [127.20.1.{i + 1}]",
                      f"    clients: [{', '.join(material.nets(i))}]"]
        lines += ["routing: { policy: latency, ttl: 5s }", "edge: { enabled: false }", "zones:",
                  f"  - {{ name: {ZONE}, file: mix.test.zone }}"]
        (folder / "world.yaml").write_text("\n".join(lines) + "\n")
        command = [self.binary, "serve", "--world", "world.yaml", "--region", REGIONS[0], "--roles", "dns"]
        return command, folder


class Gdnsd:
    name, address, mixes = "gdnsd", "127.20.2.1", ("one", "mix", "geo")

    def prepare(self, material):
        folder = material.folder / self.name
        (folder / "zones").mkdir(parents=True)
        shutil.copy(material.zone_file, folder / "zones" / ZONE)
        (folder / "zones" / "geo.test").write_text(
            "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\nagent 5 DYNA geoip!agent\n")
        nets = "\n".join(f"{net} => [{region}]" for i, region in enumerate(REGIONS) for net in material.nets(i))
        (folder / "geoip").mkdir()
        (folder / "geoip" / "nets").write_text(nets + "\n")
        addresses = ", ".join(f"{region} => 127.20.1.{i + 1}" for i, region in enumerate(REGIONS))
        (folder / "config").write_text(f"""
options => {{
  listen => {self.address}:{PORT}
  udp_threads => 1
  tcp_threads => 1
  run_dir => {folder}/run
  state_dir => {folder}/state
}}
plugins => {{ geoip => {{
  maps => {{ m => {{ datacenters => [{', '.join(REGIONS)}], nets => nets }} }}
  resources => {{ agent => {{ map => m, service_types => up, dcmap => {{ {addresses} }} }} }}
}} }}
""")
        (folder / "run").mkdir()
        (folder / "state").mkdir()
        return ["/usr/sbin/gdnsd", "-c", str(folder), "start"], folder


class Knot:
    name, address, mixes = "knot", "127.20.3.1", ("one", "mix")

    def prepare(self, material):
        folder = material.folder / self.name
        folder.mkdir()
        shutil.copy(material.zone_file, folder)
        (folder / "knot.conf").write_text(f"""
server:
    listen: {self.address}@{PORT}
    rundir: {folder}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    automatic-acl: off
database:
    storage: {folder}
log:
  - target: stderr
    any: error
zone:
  - domain: {ZONE}
    file: {folder}/mix.test.zone
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
""")
        return ["/usr/sbin/knotd", "-c", str(folder / "knot.conf")], folder


def tree(pid):
    """The process and everything below it."""
    pids = [pid]
    for one in pids:
        for task in pathlib.Path(f"/proc/{one}/task").iterdir():
            pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


def cpu_seconds(pid):
    total = 0
    for one in tree(pid):
        for task in pathlib.Path(f"/proc/{one}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def rss_mib(pid):
    kib = 0
    for one in tree(pid):
        for line in pathlib.Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                kib += int(line.split()[1])
    return kib / 1024


def wait_until_it_answers(address, process, log):
    probe = query(1, f"ns1.{ZONE}", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.1)
        for _ in range(300):
            if process.poll() is not None:
                break
            try:
                s.sendto(probe, (address, PORT))
                if s.recv(4096)[3] & 15 == 0:
                    return
            except OSError:
                pass  # nobody listens yet
            time.sleep(0.05)
    sys.exit(f"{address} does not answer; see {log}:\n{pathlib.Path(log).read_text()[-2000:]}")


class Running:
    def __init__(self, server, material):
        self.server = server
        command, folder = server.prepare(material)
        self.log = folder / "log"
        self.process = subprocess.Popen(["taskset", "-c", "0", *command], cwd=folder, stdout=open(self.log, "wb"),
                                        stderr=subprocess.STDOUT)
        wait_until_it_answers(server.address, self.process, self.log)

    def measure(self, blast, queries, seconds):
        before = cpu_seconds(self.process.pid)
        out = subprocess.run(["taskset", "-c", "1", blast, self.server.address, str(PORT), str(queries), str(seconds)],
                             check=True, capture_output=True, text=True).stdout
        cpu = cpu_seconds(self.process.pid) - before
        result = json.loads(out)
        result["cpu_seconds"] = cpu
        result["per_cpu_second"] = result["answered"] / cpu
        result["per_second"] = result["answered"] / result["seconds"]
        result["cpu_share"] = cpu / result["seconds"]
        return result

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def complaints(mix, result):
    """Why this result may not be used."""
    rcodes = {int(k): v for k, v in result["rcodes"].items()}
    answered = max(result["answered"], 1)
    wrong = []
    if result["lost"] > answered / 100:
        wrong.append(f"{result['lost']} lost")
    if set(rcodes) - {0, 3}:
        wrong.append(f"rcodes {rcodes}")
    share = rcodes.get(3, 0) / answered
    if mix == "mix" and not 0.04 < share < 0.06:
        wrong.append(f"NXDOMAIN share {share:.3f}")
    if mix == "geo":
        spread = {k: v / answered for k, v in result["last_bytes"].items()}
        if len(spread) != 4 or any(abs(v - 0.25) > 0.0125 for v in spread.values()):
            wrong.append(f"spread {spread}")
    return wrong


def compare(args, folder):
    material = Material(folder)
    servers = [Sealane(os.path.abspath(args.sealane)), Gdnsd(), Knot()]
    running = []
    results = {}
    try:
        for server in servers:
            running.append(Running(server, material))
        for mix in args.mix.split(","):
            queries = folder / f"{mix}.q"
            asked = [r for r in running if mix in r.server.mixes]
            for r in asked:
                r.measure(args.blast, queries, 0.3)  # warm
            for number in range(args.rounds):
                for r in asked if number % 2 == 0 else reversed(asked):
                    result = r.measure(args.blast, queries, args.seconds)
                    wrong = complaints(mix, result)
                    if wrong:
                        sys.exit(f"{r.server.name} {mix}: {'; '.join(wrong)}")
                    results.setdefault(mix, {}).setdefault(r.server.name, []).append(result)
        memory = {r.server.name: round(rss_mib(r.process.pid), 1) for r in running}
    finally:
        for r in running:
            r.stop()
    return results, memory


def summarize(results, memory, rounds):
    summary = {"rounds": rounds, "rss_mib": memory, "mixes": {}}
    print(f"{'mix':5} {'server':8} {'q/CPU-s':>9} {'best q/s':>9} {'CPU share':>9} {'to anchor':>10}   RSS MiB")
    for mix, servers in results.items():
        medians = {name: statistics.median(r["per_cpu_second"] for r in runs) for name, runs in servers.items()}
        anchor = ANCHOR[mix]
        summary["mixes"][mix] = {}
        for name, runs in servers.items():
            ratio = medians[name] / medians[anchor] if anchor in medians else None
            entry = {
                "per_cpu_second": round(medians[name]),
                "best_per_second": round(max(r["per_second"] for r in runs)),
                "cpu_share": round(statistics.median(r["cpu_share"] for r in runs), 2),
                "to_anchor": None if ratio is None else round(ratio, 3),
                "all_per_cpu_second": [round(r["per_cpu_second"]) for r in runs],
            }
            summary["mixes"][mix][name] = entry
            print(f"{mix:5} {name:8} {entry['per_cpu_second']:9,} {entry['best_per_second']:9,} "
                  f"{entry['cpu_share']:9.2f} {ratio or 0:9.2f}x   {memory[name]:.0f}")
        if "sealane" in medians and anchor in medians:
            reached = medians["sealane"] / medians[anchor]
            verdict = "reached" if reached >= GOAL[mix] else "MISSED"
            summary["mixes"][mix]["goal"] = {"anchor": anchor, "ratio_min": GOAL[mix], "ratio": round(reached, 3),
                                             "reached": reached >= GOAL[mix]}
            print(f"      goal: at least {GOAL[mix]:.2f} of {anchor}: {verdict} ({reached:.2f})")
    return summary


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sealane", default=str(root / "build/release/sealane"))
    parser.add_argument("--blast", default=str(root / "build/release/dns_blast"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--mix", default="one,mix,geo")
    parser.add_argument("--json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealane-dns-bench-") as folder:
        results, memory = compare(args, pathlib.Path(folder))
    summary = summarize(results, memory, args.rounds)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(summary, indent=2) + "\n")
    goals = [mix["goal"]["reached"] for mix in summary["mixes"].values() if "goal" in mix]
    return 0 if all(goals) else 1


if __name__ == "__main__":
    sys.exit(main())
