// SPDX-License-Identifier: Apache-2.0
// Holds the tree to its own rules: the arrows between rooms, what pure rooms may call, and that
// every room explains itself. Run from the root of the repository.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::map<std::string, std::set<std::string>> arrows() {
  std::map<std::string, std::set<std::string>> rows;
  std::istringstream lines(read("src/ARROWS"));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (line.starts_with('#') || colon == line.npos) continue;
    std::string room, other;
    std::istringstream(line.substr(0, colon)) >> room;
    std::istringstream below(line.substr(colon + 1));
    while (below >> other) rows[room].insert(other);
    rows[room].insert(room);
  }
  return rows;
}

bool is_source(const fs::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".h";
}

std::vector<fs::path> sources_under(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_source(entry.path())) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

// Comments and string literals may speak of anything.
std::string without_comments(const std::string& text) {
  static const std::regex kComment(R"re(//[^\n]*|/\*[\s\S]*?\*/|"(\\.|[^"\\\n])*")re");
  return std::regex_replace(text, kComment, "");
}

TEST(Tidy, every_include_follows_an_arrow) {
  static const std::regex kInclude("#include \"([a-z]+)/");
  // Tests may stand on more: a room's room.cmake names what (the simulator).
  static const std::regex kTestRooms("set\\(test_rooms ([a-z ]+)\\)");
  for (const auto& [room, arrows_of_room] : arrows()) {
    std::set<std::string> more;
    const std::string cmake = read("src/" + room + "/room.cmake");
    if (std::smatch found; std::regex_search(cmake, found, kTestRooms)) {
      std::istringstream words(found[1]);
      for (std::string word; words >> word;) more.insert(word);
    }
    for (const fs::path& file : sources_under("src/" + room)) {
      std::set<std::string> allowed = arrows_of_room;
      if (const std::string name = file.filename();
          name.find("_test.") != name.npos || name.find("_fuzz.") != name.npos)
        allowed.insert(more.begin(), more.end());
      const std::string text = read(file);
      for (std::sregex_iterator it(text.begin(), text.end(), kInclude), end; it != end; ++it) {
        EXPECT_TRUE(allowed.contains((*it)[1]))
            << file << " includes " << (*it)[1] << "/, which src/ARROWS does not allow to " << room;
      }
    }
  }
}

TEST(Tidy, arrows_and_rooms_are_the_same_and_form_no_circle) {
  const auto rows = arrows();
  std::set<std::string> rooms;
  for (const auto& entry : fs::directory_iterator("src")) {
    if (entry.is_directory()) rooms.insert(entry.path().filename());
  }
  std::set<std::string> named;
  for (const auto& [room, allowed] : rows) {
    named.insert(room);
    for (const auto& other : allowed) {
      if (other != room) {
        EXPECT_FALSE(rows.at(other).contains(room)) << room << " <-> " << other;
      }
    }
  }
  EXPECT_EQ(rooms, named);
}

TEST(Tidy, roles_never_use_each_other) {
  const std::set<std::string> roles{"dns", "health", "edge", "state"};
  const auto rows = arrows();
  for (const auto& role : roles) {
    for (const auto& other : roles) {
      if (role != other) EXPECT_FALSE(rows.at(role).contains(other)) << role << " -> " << other;
    }
  }
}

// A pure room has no clock, socket, thread, lock, file or dice of its own.
TEST(Tidy, pure_rooms_call_nothing_of_the_world) {
  static const std::regex kBanned(
      R"((_clock::now|std::thread|std::mutex|std::condition_variable|fopen|ifstream|ofstream|<filesystem>|random_device|mt19937|\brand\(|getenv|<sys/socket\.h>|<unistd\.h>|\btime\(nullptr\)|sleep_for))");
  // base/snapshot.h publishes snapshots between lanes: the one lock that pure rooms know of, and
  // none calls it.
  const std::set<std::string> excused{"src/base/snapshot.h", "src/base/thread_annotations.h"};
  for (const char* room : {"base", "wire", "plan", "view", "steer", "cache", "table"}) {
    for (const fs::path& file : sources_under(std::string("src/") + room)) {
      const std::string name = file.filename();
      if (name.find("_test.cpp") != name.npos || name.find("_bench.cpp") != name.npos) continue;
      if (excused.contains(file.string())) continue;
      const std::string code = without_comments(read(file));
      std::smatch found;
      EXPECT_FALSE(std::regex_search(code, found, kBanned)) << file << " calls " << found.str();
    }
  }
}

TEST(Tidy, only_host_makes_system_calls) {
  static const std::regex kSystem(
      R"((<sys/socket\.h>|<sys/epoll\.h>|<netinet/|<openssl/|\bstd::thread\b))");
  for (const char* room : {"port", "serve", "sim", "health", "dns", "edge", "state", "play"}) {
    for (const fs::path& file : sources_under(std::string("src/") + room)) {
      if (file.filename().string().find("_test.cpp") != std::string::npos) continue;
      std::smatch found;
      const std::string code = without_comments(read(file));
      EXPECT_FALSE(std::regex_search(code, found, kSystem)) << file << " uses " << found.str();
    }
  }
}

// What a raw string literal holds (JSON, CSS) is laid out as its own kind of text.
std::string without_raw_strings(const std::string& text) {
  std::string out;
  size_t from = 0;
  for (size_t at; (at = text.find("R\"", from)) != text.npos;) {
    const size_t open = text.find('(', at);
    if (open == text.npos) break;
    const std::string end = ")" + text.substr(at + 2, open - at - 2) + "\"";
    const size_t close = text.find(end, open);
    if (close == text.npos) break;
    out += text.substr(from, at - from);
    out.append(
        size_t(std::count(text.begin() + ptrdiff_t(at), text.begin() + ptrdiff_t(close), '\n')),
        '\n');
    from = close + end.size();
  }
  return out + text.substr(from);
}

TEST(Tidy, lines_have_a_hundred_columns) {
  constexpr ptrdiff_t kColumnsMax = 100;
  for (const char* folder : {"src", "examples", "bench", "tests"}) {
    for (const fs::path& file : sources_under(folder)) {
      std::istringstream lines(without_raw_strings(read(file)));
      int number = 1;
      for (std::string line; std::getline(lines, line); ++number) {
        const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
        EXPECT_LE(columns, kColumnsMax) << file << ":" << number;
      }
    }
  }
}

TEST(Tidy, every_room_explains_itself_in_forty_lines) {
  const std::string table = read("src/README.md");
  for (const auto& [room, allowed] : arrows()) {
    const std::string text = read("src/" + room + "/README.md");
    EXPECT_FALSE(text.empty()) << "src/" << room << "/README.md is missing";
    EXPECT_LE(std::ranges::count(text, '\n'), 40) << room;
    for (const char* heading : {"What it is", "In / out", "Files", "Invariants", "Not here"}) {
      EXPECT_NE(text.find(heading), text.npos)
          << "src/" << room << "/README.md lacks '" << heading << "'";
    }
    EXPECT_NE(table.find("`" + room + "/`"), table.npos) << "src/README.md does not list " << room;
  }
}

// An invariant that names no test, or a test that is not there, is only a wish.
TEST(Tidy, invariants_name_tests_that_exist) {
  std::string all;
  for (const fs::path& file : sources_under("src")) {
    const std::string name = file.filename();
    if (name.find("_test.cpp") != name.npos || name.find("_contract.h") != name.npos)
      all += read(file);
  }
  for (const char* file : {"tests/tidy_test.cpp"}) all += read(file);
  static const std::regex kNamed("`([A-Z][A-Za-z0-9]*)\\.([a-z0-9_]+)(\\.\\.\\.|\\*)?`");
  for (const auto& [room, allowed] : arrows()) {
    const std::string text = read("src/" + room + "/README.md");
    for (std::sregex_iterator it(text.begin(), text.end(), kNamed), end; it != end; ++it) {
      const std::string suite = (*it)[1], name = (*it)[2];
      const std::regex declared("\\(\\s*" + suite + ",\\s*" + name +
                                ((*it)[3].length() > 0 ? "" : "\\b"));
      EXPECT_TRUE(std::regex_search(all, declared)) << room << "/README.md names " << (*it)[0];
    }
  }
}

TEST(Tidy, every_source_file_says_its_licence_first) {
  for (const char* folder : {"src", "examples", "tests", "bench"}) {
    for (const fs::path& file : sources_under(folder)) {
      EXPECT_TRUE(read(file).starts_with("// SPDX-License-Identifier: Apache-2.0")) << file;
    }
  }
}

TEST(Tidy, no_file_is_named_after_nothing) {
  static const std::regex kVague(R"((^|_)(utils?|helpers?|common|misc|manager)(_|\.|$))");
  for (const fs::path& file : sources_under("src")) {
    EXPECT_FALSE(std::regex_search(file.filename().string(), kVague)) << file;
  }
}

// The tour's stops must exist: every `path` or `path:symbol` in it is looked up.
TEST(Tidy, the_tour_leads_to_places_that_exist) {
  const std::string tour = read("docs/TOUR.md");
  ASSERT_FALSE(tour.empty());
  static const std::regex kPlace("`(src/[A-Za-z0-9_/.]+)(?::([A-Za-z_0-9]+))?`");
  size_t count = 0;
  for (std::sregex_iterator it(tour.begin(), tour.end(), kPlace), end; it != end; ++it, ++count) {
    const std::string path = (*it)[1], symbol = (*it)[2];
    ASSERT_TRUE(fs::exists(path)) << path;
    if (!symbol.empty()) {
      EXPECT_NE(read(path).find(symbol), std::string::npos) << path << ":" << symbol;
    }
  }
  EXPECT_GE(count, 6u);
}

}  // namespace
