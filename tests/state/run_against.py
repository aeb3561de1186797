#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the state suites against a server that speaks DynamoDB, and prints what came out.

    tests/state/run_against.py                                dynalite, started here on a free port
    tests/state/run_against.py --endpoint http://HOST:PORT    any other; the environment brings region and keys
    tests/state/run_against.py ... semantics signature        only these suites
"""
import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SUITES = {
    "semantics": ["/usr/bin/python3", "boto3_test.py"],
    "signature": ["/usr/bin/python3", "signature_test.py"],
    "cli": ["/usr/bin/python3", "aws_cli_test.py"],
    "clients": ["node", "--test", "clients.test.mjs"],
}
SUITE_MAX_S = 900  # 20 s on a machine of its own; this one may be shared by many
CANNOT = 77  # as automake has it: not possible here

# Tables are there at once; the address says whose test this is when something hangs.
DYNALITE = """
const dynalite = require('module').createRequire(process.argv[1] + '/package.json')('dynalite');
const server = dynalite({createTableMs: 0, deleteTableMs: 0, updateTableMs: 0});
server.listen(+process.argv[3], process.argv[2], () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
"""


def installed():
    """The directory of the clients, or None when they cannot be had here; the reason is on stderr then."""
    done = subprocess.run([os.path.join(HERE, "install.sh")], stdout=subprocess.PIPE, text=True)
    if done.returncode == CANNOT:
        return None
    done.check_returncode()
    return done.stdout.strip()


@contextlib.contextmanager
def dynalite(clients, address, port=0):
    """Ends when its standard input does, so it never outlives us."""
    with subprocess.Popen(["node", "-e", DYNALITE, clients, address, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as server:
        try:
            yield f"http://{address}:{int(server.stdout.readline())}"
        finally:
            server.stdin.close()
            server.wait(10)


def counts(output):
    """(passed, failed, skipped) of the last such line of Python's suites, or of node's summary."""
    found = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", output, re.M)
    if found:
        return tuple(map(int, found[-1]))
    return tuple(sum(map(int, re.findall(rf"^(?:#|ℹ) {name} (\d+)$", output, re.M)))
                 for name in ("pass", "fail", "skipped"))


def run(name, environment):
    start = time.monotonic()
    try:
        done = subprocess.run(SUITES[name], cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=SUITE_MAX_S)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as expired:
        output, code = (expired.stdout or b"").decode() + f"\nnot done after {SUITE_MAX_S} s\n", 1
    passed, failed, skipped = counts(output)
    if code not in (0, CANNOT):
        sys.stdout.write(output)
        failed = max(failed, 1)
    word = {0: "ok", CANNOT: "skipped"}.get(code, "FAILED")
    print(f"{word:8}{name:12}{passed:5} passed {failed:5} failed {skipped:5} skipped  {time.monotonic() - start:6.1f} s",
          flush=True)
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", help="of the server to test; without it dynalite is started")
    parser.add_argument("--address", default="127.0.0.1", help="where dynalite listens (default %(default)s)")
    parser.add_argument("suite", nargs="*", choices=[[], *SUITES], help=" ".join(SUITES))
    options = parser.parse_args()
    suites = options.suite or list(SUITES)

    clients = installed()
    if clients is None and not options.endpoint:
        return CANNOT
    if clients is None and "clients" in suites:
        suites.remove("clients")
    environment = {"REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                   "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", **os.environ,
                   "STATE_CLIENTS": clients or ""}
    with contextlib.ExitStack() as stack:
        if options.endpoint:
            environment["ENDPOINT"] = options.endpoint
        else:
            if not shutil.which("node"):
                return CANNOT
            environment["ENDPOINT"] = stack.enter_context(dynalite(clients, options.address))
            environment["JUDGE"] = "dynalite"
        print(f"against {environment['ENDPOINT']}{' (dynalite)' if not options.endpoint else ''}", flush=True)
        totals = [sum(column) for column in zip(*(run(name, environment) for name in suites))]
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
