// SPDX-License-Identifier: Apache-2.0
// Unit conversion: "10 miles in km", "how many feet are in 3 miles", "100 F to C".
#include <array>
#include <charconv>

#include "model.h"
#include "words.h"

namespace sealane::agent {
namespace {

enum class Kind { length, mass, temperature, data, time };

struct Unit {
  std::string_view names;  // separated by spaces; the first is written in answers
  Kind kind;
  double factor;      // to the kind's base: metre, gram, kelvin, byte, second
  double offset = 0;  // temperatures only: base = value * factor + offset
};

constexpr std::array kUnits = {
    Unit{"km kilometer kilometers kilometre kilometres", Kind::length, 1000},
    Unit{"m meter meters metre metres", Kind::length, 1},
    Unit{"cm centimeter centimeters centimetre centimetres", Kind::length, 0.01},
    Unit{"mm millimeter millimeters", Kind::length, 0.001},
    Unit{"miles mile mi", Kind::length, 1609.344},
    Unit{"feet foot ft", Kind::length, 0.3048},
    Unit{"inches inch", Kind::length, 0.0254},
    Unit{"yards yard yd", Kind::length, 0.9144},
    Unit{"kg kilogram kilograms kilo kilos", Kind::mass, 1000},
    Unit{"g gram grams", Kind::mass, 1},
    Unit{"pounds pound lb lbs", Kind::mass, 453.59237},
    Unit{"ounces ounce oz", Kind::mass, 28.349523125},
    Unit{"degrees-C c celsius", Kind::temperature, 1, 273.15},
    Unit{"degrees-F f fahrenheit", Kind::temperature, 5.0 / 9, 459.67 * 5 / 9},
    Unit{"K kelvin k", Kind::temperature, 1, 0},
    Unit{"bytes byte b", Kind::data, 1},
    Unit{"kB kilobyte kilobytes kb", Kind::data, 1e3},
    Unit{"MB megabyte megabytes mb", Kind::data, 1e6},
    Unit{"GB gigabyte gigabytes gb", Kind::data, 1e9},
    Unit{"TB terabyte terabytes tb", Kind::data, 1e12},
    Unit{"KiB kib", Kind::data, 1024},
    Unit{"MiB mib", Kind::data, 1048576},
    Unit{"GiB gib", Kind::data, 1073741824},
    Unit{"ms millisecond milliseconds", Kind::time, 0.001},
    Unit{"seconds second s sec", Kind::time, 1},
    Unit{"minutes minute min", Kind::time, 60},
    Unit{"hours hour h", Kind::time, 3600},
    Unit{"days day", Kind::time, 86400},
    Unit{"weeks week", Kind::time, 604800},
};

const Unit* unit(std::string_view word) {
  for (const Unit& u : kUnits) {
    for (const std::string& name : words(u.names)) {
      if (name == word) return &u;
    }
  }
  return nullptr;
}
std::string_view title(const Unit& u) { return u.names.substr(0, u.names.find(' ')); }

// "10", or "10km" with its unit glued on.
struct Amount {
  double value = 0;
  std::string_view glued;
};
std::optional<Amount> amount(std::string_view word) {
  Amount a;
  const auto [end, error] =
      std::from_chars(word.data(), word.data() + word.size(), a.value, std::chars_format::fixed);
  if (error != std::errc{} || word.empty() || !std::isdigit(uint8_t(word[0]))) return std::nullopt;
  a.glued = word.substr(size_t(end - word.data()));
  return a;
}

std::string answer(double value, const Unit& from, const Unit& to) {
  const double base = value * from.factor + from.offset;
  return fmt::format("{} {} = {} {}", number_text(value), title(from),
                     number_text((base - to.offset) / to.factor), title(to));
}

}  // namespace

std::optional<std::string> convert(const Ask& ask) {
  const auto said = words(ask.prompt.substr(0, 500));
  for (size_t i = 0; i < said.size(); ++i) {
    const auto a = amount(said[i]);
    if (!a) continue;
    size_t next = i + 1;
    const Unit* from = unit(a->glued);
    if (a->glued.empty() && next < said.size()) {
      if (said[next] == "degrees" && next + 1 < said.size()) ++next;
      from = unit(said[next++]);
    }
    if (from == nullptr) continue;
    const Unit* to = nullptr;
    if (next + 1 < said.size() &&
        (said[next] == "in" || said[next] == "to" || said[next] == "into" || said[next] == "as")) {
      to = unit(said[next + 1]);
    }
    for (size_t k = 0; k + 1 < i && to == nullptr; ++k) {  // "how many feet are in 3 miles"
      if (said[k] == "how" && said[k + 1] == "many" && k + 2 < i) to = unit(said[k + 2]);
    }
    if (to != nullptr && to->kind == from->kind) return answer(a->value, *from, *to);
  }
  return std::nullopt;
}

}  // namespace sealane::agent
