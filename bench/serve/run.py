#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The API server's own cost: a 1 KiB answer, and the same behind an AWS signature over 1.2 KiB. bench/README.md says
how to read it. Build first: ./run build"""
import argparse
import datetime
import glob
import hashlib
import hmac
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def cpu_ns(pid):
    return sum(int(pathlib.Path(f).read_text().split()[0]) for f in glob.glob(f"/proc/{pid}/task/*/schedstat"))


def signed(host, body):
    """The request as a script of wrk: signed now, good for a quarter of an hour."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    fields = {"content-type": "application/x-amz-json-1.0", "host": host, "x-amz-date": now,
              "x-amz-target": "DynamoDB_20120810.PutItem"}
    names = ";".join(fields)
    canonical = "\n".join(["POST", "/signed", "", *(f"{n}:{v}" for n, v in fields.items()), "", names,
                           hashlib.sha256(body.encode()).hexdigest()])
    scope = f"{now[:8]}/eu-west-1/dynamodb/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    fields["authorization"] = (f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, "
                               f"Signature={hmac.new(key, to_sign.encode(), 'sha256').hexdigest()}")
    # Host by the name that wrk gives it, or there are two.
    lines = "".join(f'wrk.headers["{n.title()}"] = "{v}"\n' for n, v in fields.items())
    return f'wrk.method = "POST"\nwrk.body = "{body}"\n{lines}'


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--build", default="build/release")
    arguments.add_argument("--address", default="127.0.0.1:18470")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--nice", type=int, default=0)
    options = arguments.parse_args()
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        keys, script = pathlib.Path(folder) / "credentials", pathlib.Path(folder) / "signed.lua"
        keys.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
        script.write_text(signed(options.address, "x" * 1200))
        nice = ["nice", "-n", str(options.nice)]
        server = subprocess.Popen([*nice, "taskset", "-c", "0", ROOT / options.build / "bench_serve_api",
                                   options.address, keys], stdout=subprocess.PIPE, text=True)
        server.stdout.readline()
        try:
            print(f"{'scenario':<12}{'per CPU-s':>12}{'wall/s':>10}")
            for name, path, more in (("answer_1k", "/", []), ("signed_1k", "/signed", ["-s", script])):
                rounds = []
                for _ in range(options.rounds):
                    before = cpu_ns(server.pid)
                    out = subprocess.run([*nice, "taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{options.seconds}s", *more,
                                          f"http://{options.address}{path}"], capture_output=True, text=True).stdout
                    used = cpu_ns(server.pid) - before
                    count = int(re.search(r"(\d+) requests in", out)[1])
                    bad = bad or "Non-2xx" in out or "Socket errors" in out
                    rounds.append((count * 1e9 / used, float(re.search(r"Requests/sec: *([\d.]+)", out)[1])))
                per_cpu, wall = sorted(rounds)[len(rounds) // 2]
                print(f"{name:<12}{per_cpu:>12.0f}{wall:>10.0f}")
        finally:
            server.terminate()
            server.wait()
    sys.exit("some answers were errors" if bad else 0)


main()
