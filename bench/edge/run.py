#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sealane's edge beside haproxy, nginx, h2o and varnish, in one run. See bench/README.md.

    bench/edge/run.py --peers haproxy,nginx --rounds 5 --seconds 3 --sealane build/release/sealane
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers as peers_file  # noqa: E402
import process  # noqa: E402

SERVER_CORE, CLIENT_CORE = 0, 1
ORIGIN = "127.22.0.2:9001"
STREAMS, PERIOD_MS = 200, 20
SSE_ADDED_MAX_US = 100  # the bar for Sealane, at the median
PATHS = {"hit_1k": "/hit/1k", "hit_64k": "/hit/64k", "pass_1k": "/pass/1k"}
SCENARIOS = [*PATHS, "sse"]
UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}


def client(argv, options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300,
                          preexec_fn=process.pinned(CLIENT_CORE, options.nice))
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]}: {done.stderr or done.stdout}")
    return done.stdout


def wrk(address, path, seconds, options):
    text = client(["wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", "-H", f"Host: {peers_file.HOST}",
                   f"http://{address}{path}"], options)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", text)
    if bad:
        raise RuntimeError(f"{address}{path}: {bad.group(0)}")
    requests, took, unit = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b", text).groups()

    def latency(percent):
        value, its = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)\b", text).groups()
        return float(value) * UNITS[its]
    return {"count": int(requests), "seconds": float(took) * UNITS[unit] / 1e6,
            "p50_us": latency(50), "p99_us": latency(99)}


def sse(address, seconds, options):
    out = json.loads(client([options.sse_tool, address, peers_file.HOST, str(STREAMS), str(seconds)], options))
    if out["ended"]:
        raise RuntimeError(f"{address}/sse: {out['ended']} of {STREAMS} streams ended")
    expected = STREAMS * seconds * 1000 / PERIOD_MS
    if out["events"] < 0.5 * expected:
        raise RuntimeError(f"{address}/sse: {out['events']} events of {expected:.0f}")
    out["count"] = out.pop("events")
    return out


def measure(scenario, address, pid, options):
    before = process.cpu_ns(pid) if pid else 0
    if scenario == "sse":
        out = sse(address, options.seconds, options)
        # The half second of warm-up is served but not counted.
        share = options.seconds / (options.seconds + 0.5)
    else:
        out = wrk(address, PATHS[scenario], options.seconds, options)
        share = 1
    used = (process.cpu_ns(pid) - before) * share if pid else 0
    out["rate"] = out["count"] / out["seconds"]
    out["per_cpu_s"] = out["count"] / (used / 1e9) if used else 0
    out["cpu"] = used / 1e9 / out["seconds"]
    out["pss_mb"] = process.pss_mb(pid) if pid else 0
    return out


def run(options, chosen, directory):
    """results[scenario][server] = one dict a round."""
    started = []
    results = {scenario: {} for scenario in options.scenarios}
    try:
        origin = process.start([options.origin_tool, ORIGIN, str(PERIOD_MS)], CLIENT_CORE, options.nice, directory,
                               "origin")
        started.append(origin)
        process.wait_for(ORIGIN, origin)
        servers = []
        for number, peer in enumerate(chosen):
            address = f"127.22.0.{10 + number}:8080"
            own = os.path.join(directory, peer.name)
            os.makedirs(own)
            os.chmod(own, 0o777)
            server = process.start(peer.command(own, address, ORIGIN), SERVER_CORE, options.nice, own,
                                   peer.name)
            started.append(server)
            process.wait_for(address, server)
            servers.append((peer.name, address, server.pid))
        for name, address, pid in servers:  # connections, caches and branch predictors
            for scenario in PATHS:
                wrk(address, PATHS[scenario], 1, options)
        for round_number in range(options.rounds):
            order = servers if round_number % 2 == 0 else servers[::-1]
            for scenario in options.scenarios:
                targets = order + ([("direct", ORIGIN, None)] if scenario == "sse" else [])
                for name, address, pid in targets:
                    results[scenario].setdefault(name, []).append(measure(scenario, address, pid, options))
            print(f"round {round_number + 1} of {options.rounds} done", file=sys.stderr)
    finally:
        for server in reversed(started):
            process.stop(server)
    return results


def medians(rounds):
    out = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    out["rate_min"], out["rate_max"] = min(r["rate"] for r in rounds), max(r["rate"] for r in rounds)
    return out


def table(scenario, rows, notes, base):
    what = "events" if scenario == "sse" else "requests"
    print(f"\n{scenario}: {what} per second of the server's CPU counts; ratios to {base}; medians")
    print(f"{'server':<10}{'per CPU-s':>11}{'ratio':>7}{'wall/s':>9}{'ratio':>7}{'p50 us':>9}{'p99 us':>9}"
          f"{'cpu':>6}{'PSS MB':>8}  note")
    direct = rows.get("direct")
    for name, row in rows.items():
        note = notes.get(name, "") if scenario.startswith("hit") or name == "varnish" else ""
        if direct and name != "direct":
            note = f"added p50 {row['p50_us'] - direct['p50_us']:.0f} us, p99 " \
                   f"{row['p99_us'] - direct['p99_us']:.0f} us; first byte p50 {row['ttfb_p50_us']:.0f} us {note}"
        of_cpu = row["per_cpu_s"] / rows[base]["per_cpu_s"] if rows[base]["per_cpu_s"] else 0
        print(f"{name:<10}{row['per_cpu_s']:>11.0f}{of_cpu:>7.2f}{row['rate']:>9.0f}"
              f"{row['rate'] / rows[base]['rate']:>7.2f}{row['p50_us']:>9.0f}{row['p99_us']:>9.0f}"
              f"{row['cpu']:>6.2f}{row['pss_mb']:>8.1f}  {note}")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    build = os.path.join(here, "..", "..", "build", "release")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="haproxy,nginx", help="of haproxy, nginx, h2o, varnish; or `all`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--sealane", default=os.path.join(build, "sealane"), help="the program; `none` leaves it out")
    parser.add_argument("--tools", default=build, help="where bench_edge_origin and bench_edge_sse are")
    parser.add_argument("--nice", type=int, default=0,
                        help="priority of all the processes measured, e.g. -15 on a busy machine (needs root)")
    parser.add_argument("--json", default=os.path.join(build, "bench_edge.json"), help="all rounds and medians")
    options = parser.parse_args()
    options.scenarios = options.scenarios.split(",")
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"unknown scenario {', '.join(unknown)}: want {', '.join(SCENARIOS)}")
    options.origin_tool = os.path.abspath(os.path.join(options.tools, "bench_edge_origin"))
    options.sse_tool = os.path.abspath(os.path.join(options.tools, "bench_edge_sse"))

    known = {p.name: p for p in peers_file.all_peers(os.path.abspath(options.sealane))}
    wanted = [n for n in known if n != "sealane"] if options.peers == "all" else options.peers.split(",")
    if options.sealane != "none":
        wanted.append("sealane")
    chosen = []
    for name in wanted:
        if name not in known:
            parser.error(f"unknown peer {name}: want {', '.join(known)}")
        if known[name].is_installed():
            chosen.append(known[name])
        else:
            print(f"{name} is not there ({known[name].program}): left out", file=sys.stderr)

    with tempfile.TemporaryDirectory(prefix="bench_edge.") as directory:
        os.chmod(directory, 0o755)
        try:
            results = run(options, chosen, directory)
        except RuntimeError as error:
            print(f"run.py: {error}", file=sys.stderr)
            return 3
    notes = {p.name: p.note for p in chosen}
    summary = {s: {n: medians(r) for n, r in by.items()} for s, by in results.items()}
    base = "haproxy" if any(p.name == "haproxy" for p in chosen) else chosen[0].name
    for scenario, rows in summary.items():
        table(scenario, rows, notes, base)
    with open(options.json, "w") as file:
        json.dump({"rounds": results, "medians": summary, "base": base}, file, indent=1)
    print(f"\nall rounds: {os.path.relpath(options.json)}")
    if "sse" in summary and "sealane" in summary["sse"]:
        added = summary["sse"]["sealane"]["p50_us"] - summary["sse"]["direct"]["p50_us"]
        print(f"sse: sealane adds {added:.0f} us at the median; the bar is {SSE_ADDED_MAX_US} us")
        return 0 if added <= SSE_ADDED_MAX_US else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
