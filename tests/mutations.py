#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Do the proofs bite? Builds the program with one line made wrong, again and again, and demands that the randomized
explorer or a play finds each of them; of the tables, the explorer of tables or a unit test.

    tests/mutations.py [--seeds 300] [--only WORD] [--check]

A copy of the tree is built in build/mutations (the first time for minutes, then seconds a mutation). Prints what
found it, the explorer's invariant or the play's expectation, and exits 1 when a mutation survives. For developers:
too slow for every test run.
"""
import argparse
import glob
import os
import re
import resource
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TREE = os.path.join(ROOT, "build", "mutations")
EXPLORER = "build/release/play_explore"
UNIT_TESTS = ("table_test", "state_test")
CPU_S = 600  # a mutant that does not come to an end in this time of a processor is found, too

# What it does wrong, the file, the words that stand there once, however they are laid out, and the wrong ones.
MUTATIONS = [
    # the decision
    ("steer: health is ignored", "src/steer/steer.cpp", "if (!all_healthy_ && !seen.healthy) return {};", ""),
    ("steer: failover runs backwards", "src/steer/policies/failover.cpp",
     "{ rank_simple(in, out); }", "{ for (size_t i = in.group.members.size(); i-- > 0;) out.push_back(uint16_t(i)); }"),
    ("steer: the farthest region first", "src/steer/policies/latency.cpp",
     "rtt_us(out[j]) < rtt_us(out[j - 1])", "rtt_us(out[j]) > rtt_us(out[j - 1])"),
    ("steer: weights are all alike", "src/steer/policies/weighted.cpp", "wait / weight", "wait"),
    ("steer: a weight of zero is like any other", "src/steer/policies/weighted.cpp", "keys[i] = {weight == 0,", "keys[i] = {false,"),
    ("steer: multivalue answers with one", "src/steer/steer.cpp",
     "} else if (policy.answers_together) {", "} else if (false) {"),
    ("steer: when all are down, closed is open", "src/steer/steer.cpp", "switch (group.when_all_down) {",
     "switch (plan::WhenAllDown::open) {"),
    ("steer: the last resorts are forgotten", "src/steer/steer.cpp", "for (const EndpointId endpoint : group.last_resorts) {",
     "for (const EndpointId endpoint : std::vector<EndpointId>{}) {"),
    ("steer: the TTL does not sink before a flip", "src/steer/steer.cpp", "if (!may_flip_in) return group.ttl_s;", "return group.ttl_s;"),
    # what is seen
    ("view: one failure too many is needed", "src/view/tally.cpp", "if (tally.contrary + 1u >= needed)", "if (tally.contrary >= needed)"),
    ("view: one failure too few is needed", "src/view/tally.cpp", "if (tally.contrary + 1u >= needed)", "if (tally.contrary + 2u >= needed)"),
    ("view: failures need not be consecutive", "src/view/tally.cpp",
     "  if (good == tally.healthy) {\n    tally.contrary = 0;", "  if (good == tally.healthy) {"),
    ("view: what is down never returns", "src/view/tally.cpp", "const bool good = speaks_for(check, outcome);",
     "const bool good = speaks_for(check, outcome) && (tally.healthy || !tally.known || tally.provisional);"),
    ("view: a timeout counts as success", "src/view/tally.cpp", "(outcome == Outcome::ok) != check.inverted",
     "(outcome == Outcome::ok || outcome == Outcome::timeout) != check.inverted"),
    ("view: nothing says when it may flip", "src/view/tally.cpp", "if (tally.contrary == 0) return std::nullopt;", "return std::nullopt;"),
    ("view: a node believes in itself", "src/view/book.cpp", "const bool derived = any_healthy || sources_.empty();",
     "const bool derived = true;"),
    # probing
    ("health: half as many probes", "src/health/health.cpp",
     "Instant next = (cadence == interval(check) ? slot.due : slot.started) + cadence;",
     "Instant next = (cadence == interval(check) ? slot.due : slot.started) + 2 * cadence;"),
    ("health: a probe's timeout is not counted", "src/health/health.cpp",
     "finished(slot, {.outcome = Outcome::timeout});", "finished(slot, {.outcome = Outcome::unknown});"),
    ("health: the view is published late", "src/health/health.cpp", "if (recorded.changed) publish();", ""),
    ("health: 503 is fine", "src/health/probe_answer.cpp", "status_ >= 400) verdict_", "status_ >= 600) verdict_"),
    # name server
    ("dns: a TTL one second too long", "src/dns/steering.cpp", "out.ttl_s = choice.ttl_s;", "out.ttl_s = choice.ttl_s + 1;"),
    ("dns: old answers are remembered", "src/dns/steering.cpp", "  ++epoch_;\n", ""),
    ("dns: everybody gets the same memory", "src/dns/steering.cpp",
     "uint64_t{plan::index(group)} * class_count_ + client_class.id", "uint64_t{plan::index(group)} * class_count_"),
    ("dns: the whole order is answered", "src/dns/steering.cpp", "std::min({size_t{choice.head_count}, choice.order.size(), steer::kHeadMax})",
     "std::min({choice.order.size(), steer::kHeadMax})"),
    ("dns: the dice are loaded", "src/dns/steering.cpp", "client_class, dice.roll()), fresh_", "client_class, dice.roll() & 3), fresh_"),
    # edge
    ("edge: agents that are down are asked like others", "src/edge/balance.cpp", "!view.healthy(id) || tried.has(id)", "tried.has(id)"),
    ("edge: what a node forwarded is forwarded again", "src/edge/fetch.cpp", ".stay = caller.hop || caller.probe", ".stay = caller.probe"),
    ("edge: the dead are asked although all down is closed", "src/edge/balance.cpp",
     "if (tried.last_resort || closed || !resort)", "if (tried.last_resort || !resort)"),
    ("edge: edge locations are asked to do the work", "src/edge/balance.cpp",
     "tried.has(id) || plan.region(endpoint.region).agents.empty()", "tried.has(id)"),
    ("edge: a POST that was sent is sent again", "src/edge/exchange.cpp",
     "if (sent_ && !repeatable_ && trouble != Trouble::unprocessed) return Next::give_up;", ""),
    ("edge: an answer denies what an agent has seen", "src/edge/fetch.cpp", ".unprocessed = !ever_sent_", ".unprocessed = true"),
    ("edge: what waits on a dead endpoint goes on waiting", "src/edge/fetch.cpp",
     "    if (down) trouble(Trouble::unhealthy);\n", ""),
    ("edge: a refused connection is not tried elsewhere", "src/edge/exchange.cpp",
     "return attempts_ >= attempts_max_ ? Next::give_up : Next::elsewhere;", "return Next::give_up;"),
    ("edge: origins that were refused are asked last of all", "src/edge/balance.cpp", "if (local_first) {\n    if (const auto id = local())",
     "if (local_first && ask.stay) {\n    if (const auto id = local())"),
    # tables: the way out
    ("tables: acknowledged before it is on the disk", "src/state/replica/waiting.cpp",
     "if (at.position <= durable_) return done(table::Ack::local);", "return done(table::Ack::local);"),
    ("tables: a repair gives what is not on the disk yet", "src/state/replica/incoming.cpp",
     "if (is_own && position > durable_) return false;", ""),
    ("tables: ack remote is acknowledged here", "src/state/replica/waiting.cpp",
     "take(waiters, std::min(durable_, confirmed(keepers)), table::Ack::remote);", "take(waiters, durable_, table::Ack::remote);"),
    ("tables: what nobody has confirmed is told to be remote", "src/state/replica/waiting.cpp",
     "late_writers.emplace_back(std::move(waiter.done), table::Ack::local);",
     "late_writers.emplace_back(std::move(waiter.done), table::Ack::remote);"),
    ("tables: a region that was overdue is never waited for again", "src/state/replica/incoming.cpp",
     "overdue_.erase(late);", ""),
    ("tables: a change of the catalog that a crash broke off is forgotten", "src/state/engine_catalog.cpp",
     "to_adopt_.emplace(key);", ";"),
    ("tables: what nothing has come of is taken for read", "src/state/replica/replicator.cpp",
     "|| !has_all_of(engine_.applied(), peer->applied))", ")"),
    ("tables: a node of the own region confirms for another", "src/state/replica/waiting.cpp",
     "std::erase(regions, options_.region);", ""),
    ("tables: confirmed before it is on the disk there", "src/state/replica/incoming.cpp",
     "if (options_.durability == Durability::os) {\n    if (store_.flush())", "if (true) {\n    if (store_.flush())"),
    ("tables: a hello promises what the disk does not have", "src/state/replica/replicator.cpp",
     "return say(hello); } is_greeting_ = true;", "} return say(hello); is_greeting_ = true;"),
    ("tables: what a dead giver left behind is not handed on", "src/state/replica/incoming.cpp",
     "if (shows_orphans(peer)) begin_seed(0, peer.node);", ""),
    ("tables: a log is forgotten before others have it", "src/state/replica/replicator.cpp",
     "passed = std::min(passed, at == peers_.end() ? 0 : at->second.applied.position(reach.source));", ""),
    ("tables: after a power cut the old log goes on", "src/state/engine.cpp",
     "const bool is_new_log = !found || is_copy || (!options.machine_boot.empty() && boot != options.machine_boot);",
     "const bool is_new_log = !found || is_copy;"),
    # tables: the way in
    ("tables: entries of a log are skipped", "src/state/engine_write.cpp",
     'if (first > next) return fail(Code::not_found, "entries before this one are missing");', "if (first > next) first = next;"),
    ("tables: of entries that come together the last one of an item counts", "src/state/engine_write.cpp",
     "if (is_first) { SL_TRY(at->second, load(table, write.key)); }", "SL_TRY(at->second, load(table, write.key));"),
    ("tables: what must wait is passed over", "src/state/engine_write.cpp",
     "why_not = std::unexpected(std::move(entry.error())); break;", "++count; continue;"),
    ("tables: entries are read by the catalog before them", "src/state/engine_write.cpp",
     "change.bytes() < kAppliedBytesPerBatchMax && !change.has_catalog()", "change.bytes() < kAppliedBytesPerBatchMax"),
    ("tables: a cursor is forgotten", "src/state/engine_change.h",
     "batch_.put(port::Keyspace::meta, keyspace::reach(reach.source), bytes_);", ""),
    ("tables: gaps are not repaired", "src/state/replica/incoming.cpp",
     "if (incoming.is_reading || lane_.clock.now() < incoming.retry_at || (seed_ && seed_->only == 0)) return;", "return;"),
    ("tables: only a source itself is asked", "src/state/replica/incoming.cpp",
     "if (is_heard(peer) && peer.applied.position(source) >= position) all",
     "if (is_heard(peer) && peer.source == source && peer.applied.position(source) >= position) all"),
    ("tables: copies of logs are not kept", "src/state/engine_write.cpp",
     "change.log({source, reached + count}, entry->stamp.hlc, blanked.empty() ? entries[count - 1] : blanked);",
     "change.reach({source, reached + count, entry->stamp.hlc});"),
    ("tables: a snapshot stands for what came after it", "src/state/replica/incoming.cpp",
     "seed.failure_count = 0;", "seed.failure_count = 0; if (seed.applied) seed.applied = page->applied;"),
    ("tables: pages of a giver that was set back are taken for the same snapshot", "src/state/replica/incoming.cpp",
     "if (!page->applied.reaches(*seed.applied)) return", "if (false) return"),
    ("tables: a snapshot that breaks off leaves no trace", "src/state/replica/incoming.cpp",
     "if (seed_->applied) engine_.break_off_snapshot();", ""),
    ("tables: a snapshot ends with its first page", "src/state/replica/incoming.cpp", "  if (!is_last) {", "  if (false) {"),
    ("tables: writes lose against what a snapshot brought", "src/state/engine.cpp",
     "for (const table::Reach& reach : ahead_) hlc_ = table::HybridClock(hlc_.source(), std::max(hlc_.now(0), reach.hlc));", ""),
    ("tables: the clock of a snapshot is forgotten in a restart", "src/state/engine.cpp", "engine->set_ahead(std::move(ahead));", ""),
    ("tables: a snapshot has what is not on the disk yet", "src/state/replica/incoming.cpp",
     "if (status && !alive.expired()) fabric_.publish(to, out);\n  });", "});\n  fabric_.publish(message.reply_to, out);"),
    ("tables: what a restarted node finds counts as on the disk", "src/state/replica/replicator.cpp",
     "if (options_.durability == Durability::os) {\n    durable_ = engine_", "if (true) {\n    durable_ = engine_"),
    # tables: sessions and clocks
    ("tables: a token is not waited for", "src/state/replica/waiting.cpp",
     "if (engine_.applied().reaches(wanted)) return done(0);", "return done(0);"),
    ("tables: who has waited in vain is not told", "src/state/replica/waiting.cpp",
     "stale_ms = std::max({stale_ms, uint64_t{1}, wall > last ? wall - last : 0});", "(void)(wall - last);"),
    ("tables: the bound of clocks is ignored", "src/state/engine_write.cpp",
     "SL_CHECK(hlc_.see(entry.stamp.hlc, wall_ms(), options_.clock_ahead_max_ms));",
     "SL_CHECK(hlc_.see(entry.stamp.hlc, wall_ms(), 1ull << 40));"),
    ("tables: clocks learn nothing of each other", "src/table/stamp.h", "last_ = std::max(last_, hlc);", ""),
    ("tables: what a snapshot shows is not in the token", "src/state/engine.h",
     "return ahead_.empty() ? applied_ : shown_;", "return applied_;"),
    # tables: merging and forgetting
    ("tables: who comes last wins", "src/table/record.cpp", "const bool b_wins = b.stamp > a.stamp;", "const bool b_wins = true;"),
    ("tables: appends in the order of their arrival", "src/table/record.cpp",
     "std::ranges::sort(out.elements, reads_before);", ""),
    ("tables: what comes twice is there twice", "src/table/record.cpp",
     "out.elements.erase(twice.begin(), twice.end());\n  out.stamp", "out.stamp"),
    ("tables: prepended at the end", "src/table/record.cpp",
     "change.kind == Change::Kind::append ? Element::Side::back : Element::Side::front", "Element::Side::back"),
    ("tables: removals do not remove", "src/table/record.cpp", "if (cell.stamp >= cleared) return true;", "return true;"),
    ("tables: removals are forgotten at once", "src/state/engine_sweep.cpp",
     "SL_TRY(const bool more_traces, purge_traces(stable));", "SL_TRY(const bool more_traces, purge_traces(UINT64_MAX));"),
    ("tables: removals are forgotten before all have been heard", "src/state/replica/replicator.cpp",
     "if (at == peers_.end()) return 0;", "if (at == peers_.end()) continue;"),
    ("tables: removals are forgotten while an earlier life is still read", "src/state/replica/replicator.cpp",
     "!has_all_of(peer->applied, engine_.applied()) ||", ""),
    ("tables: a hello that is ahead counts as read", "src/state/replica/incoming.cpp",
     "if (engine_.applied().position(peer.source) >= peer.applied.position(peer.source)) {", "{"),
]


def run(*argv):
    """(exit code, output). Bounded in processor time: a machine with other work makes nothing a hang."""
    done = subprocess.run(argv, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S)))
    return done.returncode, done.stdout


def copy_tree():
    """The files as they are now, committed or not; what did not change keeps its time, so little is built."""
    os.makedirs(TREE, exist_ok=True)
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        if not os.path.isfile(source):
            continue
        with open(source, "rb") as f:
            data = f.read()
        put(target, data)


def put(target, data):
    try:
        with open(target, "rb") as f:
            if f.read() == data:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as f:
        f.write(data)


def build(*targets):
    code, out = run("ninja", "-C", "build/release", "--quiet", *targets)
    return code == 0, out[-3000:]


def found_in_tables_by(seeds):
    code, out = run(EXPLORER, "--tables", "--seeds", str(seeds))
    if code != 0:
        lines = [line.strip() for line in out.splitlines()]
        return "explorer: " + (" ".join(lines[:2]) if out.startswith("seed") else f"ended with {code} {out[-200:]}")
    built, out = build(*UNIT_TESTS)
    if not built:
        sys.exit(f"the unit tests do not build:\n{out}")
    for test in UNIT_TESTS:
        code, out = run(f"build/release/{test}", "--gtest_brief=1")
        if code != 0:
            failed = [line.split("] ")[1].split(" (")[0] for line in out.splitlines() if line.startswith("[  FAILED  ] ")]
            return f"{test}: {failed[0] if failed else f'ended with {code}'}"
    return None


def found_by(seeds):
    """What finds something wrong with the program in the tree; None when nothing does."""
    explorer = EXPLORER
    code, out = run(explorer, "--seeds", str(seeds))
    if code != 0:
        first = out.split("\n", 1)[0].strip() if out else ""
        return f"explorer: {first}" if first.startswith("seed") else f"explorer: ended with {code} {out[-200:]}"
    for play in sorted(glob.glob(os.path.join(TREE, "plays", "*.play"))):
        name = os.path.basename(play)
        code, out = run(explorer, play, "1")
        if code == 0:
            continue
        lines = [line.strip() for line in out.splitlines()]
        missed = next((line.split(" expect ", 1)[1] for line in lines if line.startswith("NOT MET") and " expect " in line), "")
        return f"{name}: {missed or (lines[-1] if lines else f'ended with {code}')}"
    return None


def places(text, words):
    """Where the words stand in the text, whatever white space is between them."""
    tokens = re.findall(r"\w+|[^\w\s]", words)
    return [match.span() for match in re.finditer(r"\s*".join(map(re.escape, tokens)), text)]


def stale():
    """Mutations whose words do not stand in the source once, as it is now."""
    found = []
    for name, file, old, _ in MUTATIONS:
        with open(os.path.join(ROOT, file)) as f:
            count = len(places(f.read(), old))
        if count != 1:
            found.append(f"{name}: {file} has its words {count} times: {old}")
    return found


def finder_of(name):
    return found_in_tables_by if name.startswith("tables:") else found_by


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--only", default="", help="mutations whose name has one of these words: steer:|POST")
    parser.add_argument("--check", action="store_true", help="only look whether every mutation still fits the source")
    options = parser.parse_args()

    if found := stale():
        sys.exit("\n".join(found))
    if options.check:
        print(f"{len(MUTATIONS)} mutations fit the source")
        return 0
    os.environ.setdefault("CCACHE_BASEDIR", TREE)
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")
    copy_tree()
    code, out = run("cmake", "--preset", "release", "-DSL_TESTS=ON")
    built, log = build("play_explore") if code == 0 else (False, out)
    if not built:
        sys.exit(f"the tree does not build:\n{log}")
    wanted = [m for m in MUTATIONS if any(word in m[0] for word in options.only.split("|"))]
    for finder in {finder_of(name) for name, *_ in wanted}:
        if wrong := finder(options.seeds):
            sys.exit(f"without any mutation: {wrong}")

    survivors, broken = [], []
    for name, file, old, new in wanted:
        path = os.path.join(TREE, file)
        with open(path) as f:
            text = f.read()
        [(first, last)] = places(text, old)
        start = time.monotonic()
        try:
            put(path, (text[:first] + new + text[last:]).encode())
            built, log = build("play_explore")
            by = finder_of(name)(options.seeds) if built else None
        finally:
            put(path, text.encode())
        took = time.monotonic() - start
        if not built:
            broken.append(name)
            print(f"NOT BUILT {name}\n{log}", flush=True)
        elif by is None:
            survivors.append(name)
            print(f"SURVIVES  {name} ({took:.0f} s)", flush=True)
        else:
            print(f"found     {name} ({took:.0f} s)\n            {by[:180]}", flush=True)
    print(f"{len(survivors)} survive, {len(broken)} could not be tried")
    return 1 if survivors or broken else 0


if __name__ == "__main__":
    sys.exit(main())
