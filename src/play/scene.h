// SPDX-License-Identifier: Apache-2.0
// A scene: a world, users, faults at times, and what is expected to come of it. parse() reads the
// line language of plays/*.play (grammar: docs/PLAYS.md, table: scene_forms.cpp). Pure; runners are
// elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"

namespace sealane::play {

constexpr size_t kSceneBytesMax = 1 << 20;
constexpr size_t kSceneLinesMax = 5000;
constexpr Duration kSceneLastsMax = 24h;

// Where in the file, counted from 1.
struct Position {
  uint32_t line = 0, column = 0;
};

// A name as it was written; the runner looks it up in the world.
struct Name {
  std::string text;
  Position at;
};

// Whom a fault hits.
struct Target {
  enum class Kind : uint8_t { region, nodes, agents, node, agent, everybody } kind = Kind::region;
  Name region;            // region, nodes, agents
  SocketAddress address;  // node (its ip), agent
};

enum class Verb : uint8_t {
  kill,       // the processes are gone: connections are reset, later ones refused
  power_off,  // the hosts vanish without a word
  start,      // what was killed or powered off comes back
  freeze,     // SIGSTOP
  thaw,       // SIGCONT
  brownout,   // agents answer everything with `status`
  recover,    // agents answer well again, and think as in the beginning
  think,      // agents take `amount` for /agent; /health stays quick
  cut,        // nothing passes between target and other; one way: from target to other
  slow,       // `amount` more, each way
  lossy,      // `share` of the packets are lost
  heal,       // every cut, slow and lossy is over
  clock,      // the wall clocks jump by `amount`
};
const char* name(Verb verb);

struct Fault {
  Position at;
  Duration when{};
  Verb verb = Verb::kill;
  Target target, other;
  bool one_way = false;
  Duration amount{};
  double share = 0;  // 0 to 1
  uint16_t status = 503;
};

struct Users {
  enum class Action : uint8_t {
    get,
    post,
    stream
  };  // repeatable; not repeatable; server-sent events
  Position at;
  Name near;
  double per_second = 1;
  Action action = Action::get;
  std::string path;
};

struct Expectation {
  enum class Kind : uint8_t {
    dns_answers,  // by `to`: from then until the next fault every fresh answer near `near` is
                  // `region`
    dns_silent,   // between from and to no answer carries an address
    seen_down,    // every running observer has `region` down `within` the last fault before
    seen_up,
    never_down,       // no observer had `region` down at any time (before `to`, if it is set)
    flips_at_most,    // at each observer
    failed_at_most,   // requests of users (only repeatable ones, if so asked)
    answered_within,  // the slowest request of users took no longer
    share,            // of the answers near `near` between from and to: low to high
  };
  Position at;
  std::string text;  // as written, for the report
  Kind kind = Kind::dns_answers;
  Duration from{}, to{};  // of the scene's time
  Duration within{};
  Name near, region;
  std::optional<Name> via;  // only what the name servers of this region answer
  uint64_t count = 0;
  double low = 0, high = 1;
  bool only_repeatable = false;
};

struct Scene {
  std::string file;
  std::string title;
  std::string world_yaml;  // inline, with its indentation; empty lines keep its line numbers true
  std::string world_file;  // or a reference, relative to the scene
  Position world_at;
  Duration lasts = 30s;
  Duration think = 5ms;  // of agents, for /agent
  std::vector<Users> users;
  std::vector<Fault> faults;  // by time
  std::vector<Expectation> expectations;
};

// The scene in `text`, or every mistake in it (Code::invalid), one a line:
// "file:line:column: what was found; what may stand there; did you mean 'x'?".
Result<Scene> parse(std::string_view text, std::string_view file);

// "file:line:column: " + what.
std::string mistake(std::string_view file, Position at, std::string_view what);
// "; did you mean 'x'?" for the candidate that is nearest to `word`, or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);
// "350ms", "2.5s", "1.5min" -> Duration.
std::optional<Duration> parse_duration(std::string_view text);
std::string print_duration(Duration duration);

}  // namespace sealane::play
