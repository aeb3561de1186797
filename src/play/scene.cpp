// SPDX-License-Identifier: Apache-2.0
#include "play/scene.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "play/scene_forms.h"

namespace sealane::play {
namespace {

constexpr size_t kMistakesMax = 20;  // then the reader has enough to do

struct Word {
  std::string_view text;
  Position at;
};

struct Line {
  std::string_view text;  // without the line end
  uint32_t number = 0;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  uint32_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back({text.substr(0, end), ++number});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Words up to a comment: a '#' at the start of a word.
std::vector<Word> words_of(const Line& line) {
  std::vector<Word> words;
  size_t i = 0;
  while (i < line.text.size()) {
    if (is_space(line.text[i])) {
      ++i;
      continue;
    }
    if (line.text[i] == '#') break;
    const size_t begin = i;
    while (i < line.text.size() && !is_space(line.text[i])) ++i;
    words.push_back({line.text.substr(begin, i - begin), {line.number, uint32_t(begin + 1)}});
  }
  return words;
}

std::string quoted(std::string_view word) {
  constexpr size_t kShownMax = 40;
  std::string shown;
  for (const char c : word.substr(0, kShownMax)) shown += c >= ' ' && c < 127 ? c : '?';
  return "'" + shown + (word.size() > kShownMax ? "...'" : "'");
}

// One sentence being matched against all forms at once: the forms that agree so far, word by word.
class Sentence {
 public:
  Sentence(const std::vector<Word>& words, uint32_t line_end)
      : words_(words), line_end_(line_end) {}

  // The form that this is, or the words of the mistake.
  Result<const Form*> match(std::vector<Capture>& captures, Position& at);

 private:
  static bool word_fits(const std::string& pattern, std::string_view word, Capture& out) {
    return pattern.front() == '{' ? fits(pattern, word, out) : pattern == word;
  }
  std::unexpected<Error> expected(std::string_view found,
                                  const std::set<std::string>& options) const;

  const std::vector<Word>& words_;
  uint32_t line_end_;
};

std::unexpected<Error> Sentence::expected(std::string_view found,
                                          const std::set<std::string>& options) const {
  std::string list;
  std::vector<std::string> literals;
  for (const std::string& option : options) {
    if (!list.empty()) list += ", ";
    if (option.front() == '{') {
      list += slot_help(option);
    } else {
      list += option;
      literals.push_back(option);
    }
  }
  const std::string what =
      found.empty() ? "the sentence ends too early" : quoted(found) + " does not fit here";
  const std::string wanted = options.empty() ? "; nothing more may follow" : "; expected: " + list;
  return fail(Code::invalid, what + wanted + (found.empty() ? "" : did_you_mean(found, literals)));
}

Result<const Form*> Sentence::match(std::vector<Capture>& captures, Position& at) {
  std::vector<const Form*> alive;
  for (const Form& form : forms()) alive.push_back(&form);
  for (size_t i = 0; i < words_.size(); ++i) {
    at = words_[i].at;
    // A word of the language wins over a slot that would take it: "everybody" is no region.
    std::vector<const Form*> literal, slot;
    std::set<std::string> options;
    for (const Form* form : alive) {
      if (form->words.size() <= i) continue;
      const std::string& pattern = form->words[i];
      options.insert(pattern);
      Capture ignored;
      if (pattern == "{rest}") {  // takes the line as it stands, comments too
        const char* begin = words_[i].text.data();
        const Word& last = words_.back();
        captures.push_back(
            {std::string(begin, last.text.data() + last.text.size()), at, {}, 0, {}});
        return form;
      }
      if (!word_fits(pattern, words_[i].text, ignored)) continue;
      (pattern.front() == '{' ? slot : literal).push_back(form);
    }
    alive = literal.empty() ? slot : literal;
    if (alive.empty()) return expected(words_[i].text, options);
  }
  std::set<std::string> options;
  for (const Form* form : alive) {
    if (form->words.size() > words_.size()) {
      options.insert(form->words[words_.size()]);
      continue;
    }
    for (size_t i = 0; i < words_.size(); ++i) {
      if (form->words[i].front() != '{') continue;
      Capture capture;
      word_fits(form->words[i], words_[i].text, capture);
      capture.at = words_[i].at;
      captures.push_back(std::move(capture));
    }
    return form;
  }
  at = {words_.back().at.line, line_end_};
  return expected("", options);
}

// An indented block after "world:", up to the first line that is not. Empty lines before it keep
// the YAML's line numbers those of the scene.
std::string take_world(const std::vector<Line>& lines, size_t& next, uint32_t line) {
  std::string yaml(line, '\n');
  while (next < lines.size()) {
    const std::string_view text = lines[next].text;
    const bool blank = std::ranges::all_of(text, is_space);
    if (!blank && !is_space(text.front())) break;
    yaml.append(text);
    yaml += '\n';
    ++next;
  }
  return yaml;
}

std::string check(const Scene& scene) {
  if (scene.world_yaml.empty() && scene.world_file.empty()) {
    return mistake(scene.file, {1, 1},
                   "no world; write 'world FILE' or 'world:' and an indented world file");
  }
  if (scene.expectations.empty()) {
    return mistake(scene.file, {1, 1},
                   "nothing is expected; a play without 'expect' proves nothing");
  }
  if (scene.lasts > kSceneLastsMax || scene.lasts <= Duration::zero()) {
    return mistake(scene.file, {1, 1}, "a scene lasts up to 24h");
  }
  for (const Fault& fault : scene.faults) {
    if (fault.when >= scene.lasts) {
      return mistake(scene.file, fault.at,
                     "after the end of the scene ('lasts " + print_duration(scene.lasts) + "')");
    }
  }
  for (const Expectation& e : scene.expectations) {
    if (e.to > scene.lasts || e.from > scene.lasts) {
      return mistake(scene.file, e.at,
                     "after the end of the scene ('lasts " + print_duration(scene.lasts) + "')");
    }
  }
  return "";
}

}  // namespace

Result<Scene> parse(std::string_view text, std::string_view file) {
  Scene scene;
  scene.file = file;
  if (text.size() > kSceneBytesMax) return fail(Code::limit, scene.file + ": larger than 1 MiB");
  const std::vector<Line> lines = lines_of(text);
  if (lines.size() > kSceneLinesMax)
    return fail(Code::limit, scene.file + ": more than 5000 lines");
  std::string mistakes;
  size_t mistake_count = 0;
  const auto complain = [&](Position at, std::string_view what) {
    if (mistake_count++ < kMistakesMax) mistakes += mistake(file, at, what) + "\n";
  };
  for (size_t next = 0; next < lines.size();) {
    const Line& line = lines[next++];
    const std::vector<Word> words = words_of(line);
    if (words.empty()) continue;
    const Position begin = words.front().at;
    if (words.front().text == "world:" && words.size() == 1) {
      if (!scene.world_yaml.empty()) complain(begin, "a second world; one scene has one");
      scene.world_at = begin;
      scene.world_yaml = take_world(lines, next, line.number);
      continue;
    }
    Position at;
    std::vector<Capture> captures;
    const Word& last = words.back();
    const auto form =
        Sentence(words, last.at.column + uint32_t(last.text.size())).match(captures, at);
    if (!form) {
      complain(at, form.error().what);
      continue;
    }
    const char* first_char = words.front().text.data();
    const std::string_view sentence(first_char,
                                    size_t(last.text.data() + last.text.size() - first_char));
    (*form)->build(scene, captures, begin, sentence);
  }
  std::ranges::stable_sort(scene.faults, {}, &Fault::when);
  if (mistakes.empty()) {
    if (const std::string wrong = check(scene); !wrong.empty()) mistakes = wrong + "\n";
  }
  if (!mistakes.empty()) {
    mistakes.pop_back();
    return fail(Code::invalid, mistakes);
  }
  return scene;
}

// ── words and numbers
// ────────────────────────────────────────────────────────────────────────────────

const char* name(Verb verb) {
  constexpr std::array kNames{"kill",     "power_off", "start", "freeze", "thaw",
                              "brownout", "recover",   "think", "cut",    "slow",
                              "lossy",    "heal",      "clock"};
  return kNames[size_t(verb)];
}

std::string mistake(std::string_view file, Position at, std::string_view what) {
  return fmt::format("{}:{}:{}: {}", file, at.line, at.column, what);
}

namespace {

// Levenshtein's distance; words longer than this are never near.
size_t distance(std::string_view a, std::string_view b) {
  constexpr size_t kMax = 32;
  if (a.size() > kMax || b.size() > kMax) return kMax;
  std::array<size_t, kMax + 1> row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (const size_t d = distance(word, candidate); d < best_distance) {
      best = &candidate;
      best_distance = d;
    }
  }
  return best ? "; did you mean '" + *best + "'?" : "";
}

std::optional<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double ns;
  };
  constexpr std::array kUnits{Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9}, Unit{"min", 60e9},
                              Unit{"h", 3600e9}};
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(end, size_t(text.data() + text.size() - end));
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    const double ns = value * known.ns;
    if (ns > 7 * 24 * 3600e9) return std::nullopt;
    return Duration(int64_t(ns + 0.5));
  }
  return std::nullopt;
}

std::string print_duration(Duration duration) {
  const double ns = double(duration.count());
  const double size = std::abs(ns);
  if (size < 1e9) return fmt::format("{:.4g}ms", ns / 1e6);
  if (size < 60e9) return fmt::format("{:.4g}s", ns / 1e9);
  return fmt::format("{:.4g}min", ns / 60e9);
}

}  // namespace sealane::play
