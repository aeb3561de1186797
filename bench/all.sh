#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The benchmarks, each peer beside Sealane in one run. bench/README.md says how to read them.
#   bench/all.sh [dns|edge|serve|state]...
set -uo pipefail
cd "$(dirname "$0")/.."
what=("$@"); [ ${#what[@]} -gt 0 ] || what=(dns edge serve state)
bad=0
for bench in "${what[@]}"; do
  case $bench in
    dns) python3 bench/dns/run.py || bad=1 ;;
    edge) python3 bench/edge/run.py || bad=1 ;;
    serve) python3 bench/serve/run.py || bad=1 ;;
    state) python3 bench/state/run.py || bad=1 ;;
    *) echo "no bench '$bench': dns, edge, serve, state"; exit 2 ;;
  esac
done
exit $bad
