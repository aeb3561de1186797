// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/zone_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "wire/dns/name.h"
#include "wire/dns/rdata.h"
#include "wire/dns/types.h"

namespace sealane::wire::dns {
namespace {

constexpr size_t kEntryWordsMax = 4096;

struct Place {
  size_t line = 1, column = 1;
};

struct Word {
  Token token;
  Place place;
};

// One entry: a directive or a record with its continuation lines.
struct Entry {
  std::vector<Word> words;
  bool blank_owner = false;  // the line began with white space
  Place place;
};

Error error_at(std::string_view file, Place place, std::string_view what) {
  return {Code::invalid, std::string(file) + ":" + std::to_string(place.line) + ":" +
                             std::to_string(place.column) + ": " + std::string(what)};
}

class Tokenizer {
 public:
  Tokenizer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  // The next entry that has words; nothing at the end of the file.
  Result<std::optional<Entry>> next() {
    Entry entry;
    for (bool line_start = true; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '\n') {
        step();
        if (depth_ > 0) continue;
        if (!entry.words.empty()) return entry;
        entry = Entry();
        line_start = true;
        continue;
      }
      if (c == ';') {
        while (at_ < text_.size() && text_[at_] != '\n') step();
        continue;
      }
      if (c == ' ' || c == '\t' || c == '\r') {
        if (line_start && entry.words.empty() && depth_ == 0) entry.blank_owner = true;
        step();
      } else if (c == '(' || c == ')') {
        if (c == ')' && depth_ == 0)
          return std::unexpected(error_at(file_, place_, "')' without '('"));
        if (c == '(') opened_at_ = place_;
        depth_ += c == '(' ? 1 : -1;
        if (line_start && c == '(' && entry.words.empty()) entry.blank_owner = true;
        step();
      } else {
        if (entry.words.empty()) entry.place = place_;
        if (entry.words.size() == kEntryWordsMax) {
          return std::unexpected(error_at(file_, place_, "an entry of more than 4096 words"));
        }
        SL_TRY(Word word, read_word());
        entry.words.push_back(std::move(word));
      }
      line_start = false;
    }
    if (depth_ > 0) return std::unexpected(error_at(file_, opened_at_, "'(' is never closed"));
    if (entry.words.empty()) return std::nullopt;
    return entry;
  }

 private:
  void step() {
    if (text_[at_] == '\n') {
      ++place_.line, place_.column = 1;
    } else {
      ++place_.column;
    }
    ++at_;
  }
  void take(std::string& text) {
    text.push_back(text_[at_]);
    step();
  }
  // A word ends at white space, parentheses or a comment; quotes inside of it (alpn="h2,h3") hold
  // it together.
  Result<Word> read_word() {
    Word word{.token = {}, .place = place_};
    word.token.quoted = text_[at_] == '"';
    bool in_quotes = false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') break;
      if (!in_quotes && (c == ' ' || c == '\t' || c == '\r' || c == ';' || c == '(' || c == ')'))
        break;
      if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n')
        take(word.token.text);
      else if (c == '"') {
        const bool closes = in_quotes;
        in_quotes = !in_quotes;
        if (!word.token.quoted) {
          take(word.token.text);
          continue;
        }
        step();
        if (closes) break;  // "a""b" are two words
        continue;
      }
      take(word.token.text);
    }
    if (in_quotes)
      return std::unexpected(error_at(file_, word.place, "a quote is not closed on its line"));
    return word;
  }

  std::string_view text_, file_;
  size_t at_ = 0;
  int depth_ = 0;
  Place place_, opened_at_;
};

class Parser {
 public:
  Parser(std::string_view file, std::string origin) : file_(file), origin_(std::move(origin)) {}

  Status entry(const Entry& entry) {
    const Word& first = entry.words[0];
    if (!entry.blank_owner && !first.token.quoted && first.token.text.starts_with('$'))
      return directive(entry);
    return record(entry);
  }
  std::vector<Record> take() { return std::move(records_); }
  const std::vector<Place>& places() const { return places_; }

 private:
  std::unexpected<Error> error(Place place, std::string_view what) const {
    return std::unexpected(error_at(file_, place, what));
  }

  Status directive(const Entry& entry) {
    const std::string name = lower_name(entry.words[0].token.text);
    if (name == "$include") {
      return error(entry.place, "$INCLUDE is refused: a zone is one file; paste the other one in");
    }
    if (name != "$origin" && name != "$ttl") {
      return error(entry.place,
                   "'" + entry.words[0].token.text + "' is not known; there are $ORIGIN and $TTL");
    }
    if (entry.words.size() != 2) return error(entry.place, name + " takes one word");
    const Word& value = entry.words[1];
    if (name == "$ttl") {
      const std::optional<uint32_t> ttl = parse_ttl(value.token.text);
      if (!ttl)
        return error(value.place, "'" + value.token.text + "' is not a TTL such as 300 or 1h30m");
      default_ttl_ = ttl;
      return {};
    }
    Result<std::string> origin = name_to_wire(value.token.text, origin_);
    if (!origin) return error(value.place, origin.error().what);
    origin_ = lower_name(*origin);
    return {};
  }

  Status owner(const Entry& entry, size_t& at) {
    if (entry.blank_owner) {
      if (owner_.empty()) return error(entry.place, "the first record has no owner");
      return {};
    }
    const Word& word = entry.words[at++];
    Result<std::string> name = name_to_wire(word.token.text, origin_);
    if (!name) return error(word.place, name.error().what);
    owner_ = lower_name(*name);
    return {};
  }

  // [TTL] [class] type, TTL and class in either order (RFC 1035 5.1).
  Status record(const Entry& entry) {
    size_t at = 0;
    SL_CHECK(owner(entry, at));
    std::optional<uint32_t> ttl;
    bool has_class = false;
    std::optional<uint16_t> type;
    for (; at < entry.words.size() && !type; ++at) {
      const Word& word = entry.words[at];
      const std::string text = lower_name(word.token.text);
      const bool is_ttl = !text.empty() && text[0] >= '0' && text[0] <= '9';
      if (is_ttl && !ttl) {
        ttl = parse_ttl(text);
        if (!ttl)
          return error(word.place, "'" + word.token.text + "' is not a TTL such as 300 or 1h30m");
      } else if (text == "in" && !has_class) {
        has_class = true;
      } else if (text == "ch" || text == "hs" || text == "cs") {
        return error(word.place, "only class IN is served");
      } else {
        type = type_by_name(text);
        if (!type) return error(word.place, "'" + word.token.text + "' is not a record type");
        if (*type == 0 || *type == Type::opt || (*type >= 249 && *type <= 255)) {
          return error(word.place, word.token.text + " cannot stand in a zone");
        }
      }
    }
    if (!type) return error(entry.place, "a record has no type");
    return add(entry, at, *type, ttl);
  }

  Status add(const Entry& entry, size_t at, uint16_t type, std::optional<uint32_t> ttl) {
    std::vector<Token> words;
    for (size_t i = at; i < entry.words.size(); ++i) words.push_back(entry.words[i].token);
    const Place place = at < entry.words.size() ? entry.words[at].place : entry.place;
    Result<std::string> rdata = rdata_from_text(type, words, origin_);
    if (!rdata) return error(place, rdata.error().what);
    // RFC 2308 4: without a TTL of its own, $TTL counts; before that RFC 1035's "as the last one"
    // and, as everybody does it, the SOA's minimum.
    if (!ttl) ttl = default_ttl_;
    if (!ttl) ttl = last_ttl_;
    if (!ttl && type == Type::soa) ttl = load32(bytes_of(*rdata) + rdata->size() - 4);
    if (!ttl) return error(entry.place, "a record has no TTL; put $TTL at the top of the file");
    last_ttl_ = ttl;
    if (records_.size() == kZoneRecordsMax)
      return error(entry.place, "a zone of more than 5,000,000 records");
    records_.push_back({name_to_text(owner_), type, *ttl, std::move(*rdata)});
    places_.push_back(entry.place);
    return {};
  }

  std::string_view file_;
  std::string origin_;  // wire form, lower case
  std::string owner_;   // of the last record
  std::optional<uint32_t> default_ttl_, last_ttl_;
  std::vector<Record> records_;
  std::vector<Place> places_;  // of the records
};

struct Parsed {
  std::vector<Record> records;
  std::vector<Place> places;
};

Result<Parsed> parse(std::string_view text, std::string_view file, std::string_view origin) {
  const Result<std::string> wire = name_to_wire(origin);
  if (!wire) return fail(Code::invalid, std::string(file) + ": origin: " + wire.error().what);
  Tokenizer tokenizer(text, file);
  Parser parser(file, lower_name(*wire));
  for (;;) {
    SL_TRY(const std::optional<Entry> entry, tokenizer.next());
    if (!entry) break;
    SL_CHECK(parser.entry(*entry));
  }
  std::vector<Place> places = parser.places();
  return Parsed{parser.take(), std::move(places)};
}

Status check_zone(const Parsed& zone, std::string_view file, const std::string& apex) {
  const std::string apex_wire = name_to_wire(apex).value();
  struct Seen {
    bool cname = false, other = false;
    std::string cname_rdata;
  };
  std::unordered_map<std::string_view, Seen> names;
  std::optional<size_t> soa;
  bool apex_ns = false;
  for (size_t i = 0; i < zone.records.size(); ++i) {
    const Record& record = zone.records[i];
    const auto error = [&](std::string_view what) {
      return std::unexpected(error_at(file, zone.places[i], what));
    };
    const std::string owner = name_to_wire(record.owner).value();
    if (!is_at_or_below(owner, apex_wire)) {
      return error("'" + record.owner + "' is not inside the zone '" + apex + "'");
    }
    if (record.type == Type::soa) {
      if (record.owner != apex)
        return error("the SOA stands at '" + record.owner + "', not at '" + apex + "'");
      if (soa && zone.records[*soa].rdata != record.rdata) return error("a second SOA");
      soa = i;
    }
    if (record.type == Type::ns && record.owner.starts_with("*.")) {
      return error("'" + record.owner +
                   "' is a wildcard with an NS, which means nothing certain (RFC 4592 4.2); "
                   "delegate each name by itself");
    }
    apex_ns |= record.type == Type::ns && record.owner == apex;
    Seen& seen = names[record.owner];
    if (record.type == Type::cname) {
      if (seen.cname && seen.cname_rdata != record.rdata)
        return error("'" + record.owner + "' has two CNAMEs");
      seen.cname = true;
      seen.cname_rdata = record.rdata;
    } else {
      seen.other = true;
    }
    if (seen.cname && seen.other) {
      return error("'" + record.owner + "' has a CNAME and other records (RFC 1034 3.6.2)");
    }
  }
  if (!soa)
    return fail(Code::invalid, std::string(file) + ": the zone '" + apex + "' has no SOA record");
  if (!apex_ns)
    return fail(Code::invalid,
                std::string(file) + ": the zone '" + apex + "' has no NS record at its apex");
  return {};
}

}  // namespace

Result<std::vector<Record>> parse_zone_file(std::string_view text, std::string_view file_name,
                                            std::string_view origin) {
  SL_TRY(Parsed parsed, parse(text, file_name, origin));
  return std::move(parsed.records);
}

Result<std::vector<Record>> load_zone(std::string_view text, std::string_view file_name,
                                      std::string_view origin) {
  SL_TRY(Parsed parsed, parse(text, file_name, origin));
  const std::string apex = name_to_text(lower_name(name_to_wire(origin).value()));
  SL_CHECK(check_zone(parsed, file_name, apex));
  return std::move(parsed.records);
}

}  // namespace sealane::wire::dns
