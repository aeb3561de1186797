#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sealane's tables beside dynalite and redis, on this machine, in one run; then two regions and the way between them.

    bench/state/run.py [--rounds 3] [--seconds 2] [--scenario get,put] [--peers dynalite,redis] [--json out.json]

A server has core 0, the client core 1; the servers take turns, every other round in the opposite order. Items of 1 KiB,
random keys. Medians over the rounds, per second of the server's CPU time (its whole process tree). bench/README.md says more.
Build first: ./run build
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "edge"))
import process  # noqa: E402

KEYS = 20_000
PORT = 8000
# name: (operation, connections, durability, goal of requests per CPU-second)
SCENARIOS = {
    "get": ("get", 16, "os", 35_000),
    "put": ("put", 16, "os", 25_000),
    "put_fsync": ("put", 64, "fsync", 12_000),
    "append": ("append", 16, "os", None),
    "query": ("query", 16, "os", None),
}
REDIS_OPERATION = {"get": "redis_get", "put": "redis_set"}
RSS_MIB_MAX = 80
SHIP = {"rate": 1000, "p50_us": 1000, "p99_us": 5000}

# Tables are there at once. Ends with its standard input.
DYNALITE = """
const dynalite = require('module').createRequire(process.argv[1] + '/package.json')('dynalite');
dynalite({createTableMs: 0}).listen(Number(process.argv[3]), process.argv[2]);
"""


def world(regions, durability, keys):
    """One node in each region, on its own address, with the bench's tables and nothing else to do."""
    lines = ["domain: bench.example.test", "lanes: 1", "edge: { enabled: false }", "regions:"]
    for name, address in regions.items():
        lines += [f"  {name}:", f"    nodes: [{address}]", f"    agents: [\"http://{address}:9001\"]"]
    lines += [f"control: {{ keys: {keys} }}", "state:", f"  durability: {durability}", "  tables:",
              "    - { name: items, key: { id: S } }", "    - { name: turns, key: { thread: S, n: N } }"]
    return "\n".join(lines) + "\n"


def rss_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, pathlib.Path(folder)
        self.keys = self.folder / "keys"
        self.keys.write_text("[default]\naws_access_key_id = AKIDEXAMPLE\n"
                             "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n")
        self.keys.chmod(0o600)

    def tool(self, name):
        return str(ROOT / self.options.build / name)

    def load(self, address, operation, connections, seconds, keys=KEYS):
        """What the client on core 1 measured."""
        started = subprocess.run(
            [self.tool("bench_state_load"), address, operation, "--connections", str(connections), "--seconds",
             str(seconds), "--keys", str(keys), "--credentials", str(self.keys)],
            stdout=subprocess.PIPE, text=True, preexec_fn=process.pinned(1, self.options.nice))
        if started.returncode != 0:
            sys.exit(f"{operation} at {address} failed")
        return json.loads(started.stdout)


class Sealane:
    has_tables = True

    def __init__(self, bench, durability):
        self.bench, self.name = bench, "sealane" if durability == "os" else f"sealane {durability}"
        self.durability = durability
        self.host = "127.95.1.1" if durability == "os" else "127.95.1.2"
        self.address = f"{self.host}:{PORT}"

    def start(self):
        directory = self.bench.folder / self.name.replace(" ", "_")
        directory.mkdir()
        (directory / "world.yaml").write_text(world({"us-east-1": self.host}, self.durability, self.bench.keys))
        command = [self.bench.tool("sealane"), "serve", "--world", "world.yaml", "--region", "us-east-1", "--roles", "state",
                   "--data", str(directory / "data")]
        self.process = process.start(command, 0, self.bench.options.nice, str(directory), "log")
        process.wait_for(self.address, self.process, 60)

    def operation(self, scenario):
        operation, _, durability, _ = SCENARIOS[scenario]
        return operation if durability == self.durability else None


class Dynalite:
    name, address, has_tables = "dynalite", "127.95.2.1:8000", True

    def __init__(self, bench, clients):
        self.bench, self.clients = bench, clients

    def start(self):
        host, port = self.address.split(":")
        self.process = process.start(["node", "-e", DYNALITE, self.clients, host, port], 0, self.bench.options.nice,
                                     str(self.bench.folder), self.name)
        process.wait_for(self.address, self.process, 60)
        self.bench.load(self.address, "create", 1, 0, keys=2)

    def operation(self, scenario):
        return None if scenario == "put_fsync" else SCENARIOS[scenario][0]  # it keeps nothing on a disk


class Redis:
    has_tables = False

    def __init__(self, bench, appendfsync):
        self.bench, self.appendfsync = bench, appendfsync
        self.name = "redis" if appendfsync == "no" else "redis fsync"
        self.address = "127.95.3.1:8000" if appendfsync == "no" else "127.95.3.2:8000"

    def start(self):
        host, port = self.address.split(":")
        directory = self.bench.folder / self.name.replace(" ", "_")
        directory.mkdir()
        command = ["redis-server", "--bind", host, "--port", port, "--dir", str(directory), "--save", "", "--appendonly", "yes",
                   "--appendfsync", self.appendfsync]
        self.process = process.start(command, 0, self.bench.options.nice, str(directory), "log")
        process.wait_for(self.address, self.process, 30)

    def operation(self, scenario):
        operation, _, durability, _ = SCENARIOS[scenario]
        if (durability == "fsync") != (self.appendfsync == "always"):
            return None
        return REDIS_OPERATION.get(operation)


def dynalite_clients():
    """Where tests/state/install.sh has put dynalite; None when it cannot be had here."""
    if not shutil.which("node"):
        return None
    done = subprocess.run([ROOT / "tests" / "state" / "install.sh"], stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def servers(bench, scenarios, peers):
    durabilities = {SCENARIOS[name][2] for name in scenarios}
    out = [Sealane(bench, durability) for durability in sorted(durabilities, reverse=True)]
    if "dynalite" in peers:
        clients = dynalite_clients()
        out += [Dynalite(bench, clients)] if clients else print("left out: dynalite (no npm package)") or []
    if "redis" in peers:
        wanted = [Redis(bench, "no" if durability == "os" else "always") for durability in sorted(durabilities, reverse=True)]
        out += wanted if shutil.which("redis-server") else print("left out: redis (apt install redis-server)") or []
    return out


def measure(bench, server, scenario):
    operation = server.operation(scenario)
    before = process.cpu_ns(server.process.pid)
    result = bench.load(server.address, operation, SCENARIOS[scenario][1], bench.options.seconds)
    used_s = (process.cpu_ns(server.process.pid) - before) / 1e9
    share = used_s / result["elapsed"]
    return {**result, "per_cpu_second": result["total"] / used_s, "per_second": result["answered"] / result["seconds"],
            "cpu_share": share}


def compare(bench, scenarios, peers):
    results, running = {}, []
    try:
        for server in servers(bench, scenarios, peers):
            server.start()
            running.append(server)
        memory = {server.name: round(rss_mib(server.process.pid), 1) for server in running}
        for server in running:
            fill = "put" if server.has_tables else "redis_set"
            bench.load(server.address, fill, 16, 0)
            if server.has_tables and "query" in scenarios:
                bench.load(server.address, "put_turn", 16, 0, keys=KEYS)
        for scenario in scenarios:
            asked = [server for server in running if server.operation(scenario)]
            for number in range(bench.options.rounds):
                for server in asked if number % 2 == 0 else reversed(asked):
                    results.setdefault(scenario, {}).setdefault(server.name, []).append(measure(bench, server, scenario))
    finally:
        for server in running:
            process.stop(server.process)
    return results, memory


def summarize(results, memory):
    summary, reached = {}, True
    print(f"{'scenario':<11}{'server':<15}{'per CPU-s':>10}{'ratio':>7}{'wall/s':>9}{'p50 us':>9}{'p99 us':>9}{'cpu':>6}")
    for scenario, by_server in results.items():
        def median(name, what):
            return statistics.median(round_[what] for round_ in by_server[name])
        own = next(name for name in by_server if name.startswith("sealane"))
        for name in by_server:
            row = {what: round(median(name, what), 2)
                   for what in ("per_cpu_second", "per_second", "p50_us", "p99_us", "cpu_share")}
            row["sealane_to_it"] = round(median(own, "per_cpu_second") / row["per_cpu_second"], 2)
            row["rounds"] = [round(round_["per_cpu_second"]) for round_ in by_server[name]]
            summary.setdefault(scenario, {})[name] = row
            print(f"{scenario:<11}{name:<15}{row['per_cpu_second']:>10,.0f}{row['sealane_to_it']:>6.2f}x{row['per_second']:>9,.0f}"
                  f"{row['p50_us']:>9,.0f}{row['p99_us']:>9,.0f}{row['cpu_share']:>6.2f}")
        goal = SCENARIOS[scenario][3]
        if goal:
            is_reached = median(own, "per_cpu_second") >= goal
            reached = reached and is_reached
            summary[scenario]["goal"] = {"per_cpu_second": goal, "reached": is_reached}
            print(f"{'':<11}goal: {goal:,} per CPU-s: {'reached' if is_reached else 'MISSED'}")
    own_memory = max(mib for name, mib in memory.items() if name.startswith("sealane"))
    is_small = own_memory < RSS_MIB_MAX
    print("RSS before the first request, MiB: " + ", ".join(f"{name} {mib}" for name, mib in memory.items()) +
          f"; goal under {RSS_MIB_MAX}: {'reached' if is_small else 'MISSED'}")
    return summary, reached and is_small


def ship(bench, durability):
    """Two regions under `sealane up`, their nats-servers between them: from A's answer to B's."""
    a, b = "127.95.4.1", "127.95.5.1"
    directory = bench.folder / f"ship_{durability}"
    directory.mkdir()
    (directory / "world.yaml").write_text(world({"us-east-1": a, "eu-west-1": b}, durability, bench.keys))
    pin = process.pinned(0, bench.options.nice)

    def both_cores():
        pin()
        os.sched_setaffinity(0, range(os.cpu_count()))
    with open(directory / "log", "wb") as log:
        up = subprocess.Popen([bench.tool("sealane"), "up", "world.yaml", "--data", str(directory / "data")], cwd=directory,
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=both_cores)
    up.log_path = str(directory / "log")
    try:
        for address in (a, b):
            process.wait_for(f"{address}:{PORT}", up, 90)
        command = [bench.tool("bench_state_ship"), f"{a}:{PORT}", f"{b}:{PORT}", str(bench.keys), str(SHIP["rate"])]
        subprocess.run([*command, "2"], stdout=subprocess.DEVNULL, preexec_fn=both_cores)  # until both know each other
        rounds = []
        for _ in range(bench.options.rounds):
            done = subprocess.run([*command, str(bench.options.seconds)], stdout=subprocess.PIPE, text=True,
                                  preexec_fn=both_cores)
            rounds.append(json.loads(done.stdout))
    finally:
        up.send_signal(signal.SIGTERM)
        try:
            up.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(up.pid, signal.SIGKILL)
            up.wait()
    out = {what: statistics.median(round_[what] for round_ in rounds) for what in rounds[0]}
    bad = sum(round_["refused"] + round_["stale"] + round_["missing"] for round_ in rounds)
    is_reached = bad == 0 and out["p50_us"] < SHIP["p50_us"] and out["p99_us"] < SHIP["p99_us"]
    print(f"replication, {durability}, {out['per_second']:,.0f} writes/s: p50 {out['p50_us']:,.0f} us, p99 {out['p99_us']:,.0f} us "
          f"from A's answer (p50 {out['sent_p50_us']:,.0f}, p99 {out['sent_p99_us']:,.0f} from the request), {bad} late or lost; "
          f"goal p50 < {SHIP['p50_us']:,}, p99 < {SHIP['p99_us']:,}: {'reached' if is_reached else 'MISSED'}")
    return {**out, "late_or_lost": bad, "reached": is_reached}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--scenario", default=",".join(SCENARIOS) + ",ship")
    parser.add_argument("--peers", default="dynalite,redis")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--nice", type=int, default=0, help="of everything that is measured, -20 to 19")
    parser.add_argument("--json")
    options = parser.parse_args()
    wanted = options.scenario.split(",")
    scenarios = [name for name in SCENARIOS if name in wanted]
    report, reached = {"load_average": os.getloadavg(), "rounds": options.rounds}, True
    with tempfile.TemporaryDirectory(prefix="sealane-state-bench-") as folder:
        bench = Bench(options, folder)
        if scenarios:
            results, memory = compare(bench, scenarios, options.peers.split(","))
            report["scenarios"], reached = summarize(results, memory)
            report["rss_mib"] = memory
        if "ship" in wanted:
            report["replication"] = {durability: ship(bench, durability) for durability in ("os", "fsync")}
            reached = reached and report["replication"]["os"]["reached"]
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
