// SPDX-License-Identifier: Apache-2.0
// Looks up the sentences of the built-in text that fit a question best: the words they share, weighted by how
// rare each is. "Tell me more" and the like go on with the last subject and never repeat what was said.
#include <algorithm>
#include <map>
#include <set>

#include "model.h"
#include "text.h"
#include "words.h"

namespace sealane::agent {
namespace {

constexpr size_t kSentencesMax = 3;  // in one reply
constexpr double kScoreMin = 2.2;    // below it the text has nothing to say

// Endings off, so that "failing regions" finds "fail" and "region".
std::string stem(std::string word) {
  for (const std::string_view ending : {"ing", "ies", "ed", "es", "s", "ly"}) {
    if (word.size() > ending.size() + 3 && word.ends_with(ending)) {
      word.resize(word.size() - ending.size());
      break;
    }
  }
  if (word.size() > 4 && (word.ends_with('e') || word.ends_with('y'))) word.pop_back();
  return word;
}

bool is_filler(const std::string& word) {
  static constexpr std::string_view kFillers[] = {
      "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "explain", "for", "from", "give", "has",
      "have", "how", "i", "in", "is", "it", "its", "me", "more", "my", "of", "on", "or", "please", "should", "so",
      "tell", "that", "the", "their", "there", "they", "this", "to", "was", "we", "what", "when", "where", "which",
      "who", "why", "will", "with", "work", "would", "you", "your", "about", "mean", "means", "one", "not", "if"};
  return std::ranges::find(kFillers, word) != std::end(kFillers);
}

std::set<std::string> stems(std::string_view text) {
  std::set<std::string> out;
  for (std::string& word : words(text)) {
    if (!is_filler(word)) out.insert(stem(std::move(word)));
  }
  return out;
}

bool is_follow_up(std::string_view prompt) {
  const std::string said = lower(prompt);
  return has(said, {"more", "go on", "continue", "what else", "why", "how so", "and then", "elaborate"}) &&
         stems(prompt).size() <= 1;
}

struct Scored {
  double score;
  size_t paragraph, sentence;
};

}  // namespace

std::optional<std::string> look_up(const Ask& ask) {
  // The question's words; a follow-up asks again what the last real question asked.
  std::set<std::string> wanted = stems(ask.prompt);
  const bool follows = is_follow_up(ask.prompt);
  if (follows) {
    for (auto turn = ask.before.turns.rbegin(); turn != ask.before.turns.rend(); ++turn) {
      if (is_follow_up(turn->prompt)) continue;
      wanted.merge(stems(turn->prompt));
      break;
    }
  }
  std::map<std::string, int> in_sentences;
  size_t sentence_count = 0;
  for (const Paragraph& paragraph : text()) {
    for (const std::string_view sentence : paragraph.sentences) {
      ++sentence_count;
      for (const std::string& s : stems(sentence)) ++in_sentences[s];
    }
  }
  auto weight = [&](const std::string& s) {
    return std::log(1 + double(sentence_count) / (1 + in_sentences[s]));
  };
  std::vector<Scored> scored;
  for (size_t p = 0; p < text().size(); ++p) {
    const auto title = stems(text()[p].title);
    for (size_t s = 0; s < text()[p].sentences.size(); ++s) {
      const std::string_view sentence = text()[p].sentences[s];
      const bool said = std::ranges::any_of(ask.before.turns, [&](const Turn& t) { return t.reply.contains(sentence); });
      if (said && follows) continue;
      double score = 0;
      const auto has_words = stems(sentence);
      for (const std::string& w : wanted) {
        if (has_words.contains(w)) score += weight(w);
        if (title.contains(w)) score += weight(w);
      }
      scored.push_back({score / (1 + 0.01 * double(has_words.size())), p, s});
    }
  }
  std::ranges::stable_sort(scored, std::greater{}, &Scored::score);
  if (scored.empty() || scored[0].score < kScoreMin) {
    if (follows && !ask.before.turns.empty()) return "That is all I know about it.";
    return std::nullopt;
  }
  // The best sentences of the best paragraph, in the order of the text.
  std::vector<size_t> chosen;
  for (const Scored& s : scored) {
    if (s.paragraph == scored[0].paragraph && s.score >= scored[0].score / 4 && chosen.size() < kSentencesMax) {
      chosen.push_back(s.sentence);
    }
  }
  std::ranges::sort(chosen);
  std::string out;
  for (const size_t s : chosen) {
    out += out.empty() ? "" : " ";
    out += text()[scored[0].paragraph].sentences[s];
  }
  return out;
}

}  // namespace sealane::agent
