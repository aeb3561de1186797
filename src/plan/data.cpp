// SPDX-License-Identifier: Apache-2.0
#include "plan/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "plan/values.h"

namespace sealane::plan {
namespace {

constexpr size_t kCountriesMax = 255;
constexpr size_t kRangesMax = 5'000'000;  // of one family

// Calls row(fields) for each line after the header; lines that begin with # are comments.
template <size_t N, typename Row>
Status read_csv(std::string_view what, std::string_view text, std::string_view header, Row row) {
  bool in_rows = false;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (!in_rows) {
      if (line != header)
        return fail(Code::corrupt, fmt::format("{}: the header is not {}", what, header));
      in_rows = true;
      continue;
    }
    std::array<std::string_view, N> fields;
    size_t count = 0, from = 0;
    while (count < N && from <= line.size()) {
      const size_t comma = std::min(line.find(',', from), line.size());
      fields[count++] = line.substr(from, comma - from);
      from = comma + 1;
    }
    if (count != N || from <= line.size() || !row(fields)) {
      return fail(Code::corrupt, fmt::format("{}:{}: not a row of {}", what, number, header));
    }
  }
  return {};
}

bool read_point(std::string_view lat, std::string_view lon, GeoPoint& out) {
  const auto north = parse_number(lat), east = parse_number(lon);
  if (!north || !east || std::abs(*north) > 90 || std::abs(*east) > 180) return false;
  out = {*north, *east};
  return true;
}

// Reads data/country_ranges.bin; the format is stated in data/make_country_ranges.py.
class RangesReader {
 public:
  explicit RangesReader(std::string_view bytes) : bytes_(bytes) {}

  Status read(Data& data) {
    constexpr std::string_view kMagic("SLGEO1\n\0", 8);
    if (!bytes_.starts_with(kMagic))
      return fail(Code::corrupt, "country_ranges.bin: not such a file");
    at_ = kMagic.size();
    SL_TRY(const uint64_t country_count, varint());
    if (country_count > kCountriesMax) return broken();
    for (uint64_t i = 0; i < country_count; ++i) {
      if (bytes_.size() - at_ < 2) return broken();
      country_.push_back(find(data, bytes_.substr(at_, 2)));
      at_ += 2;
    }
    SL_CHECK(ranges<uint32_t>(data.v4));
    SL_CHECK(ranges<uint64_t>(data.v6));
    if (at_ != bytes_.size()) return broken();
    return {};
  }

 private:
  std::unexpected<Error> broken() const {
    return fail(Code::corrupt, fmt::format("country_ranges.bin: broken at byte {}", at_));
  }

  // A territory that has addresses and no city has no place to be: its users stay unknown.
  static uint16_t find(const Data& data, std::string_view code) {
    const auto found = std::ranges::find(data.countries, code, &Country::code);
    if (found == data.countries.end()) return kNoCountry;
    return uint16_t(found - data.countries.begin());
  }

  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) return broken();
      const auto byte = uint8_t(bytes_[at_++]);
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return broken();
  }

  Result<uint64_t> size() {
    SL_TRY(const uint64_t coded, varint());
    if (coded == 0) return 0;
    const uint64_t zeros = (coded - 1) % 64, odd = (coded - 1) / 64 * 2 + 1;
    if (odd > ~uint64_t{0} >> zeros) return broken();
    return odd << zeros;
  }

  template <typename Key, typename Range>
  Status ranges(std::vector<Range>& out) {
    SL_TRY(const uint64_t count, varint());
    if (count > kRangesMax) return broken();
    out.reserve(count);
    constexpr uint64_t kMax = Key(~Key{0});
    uint64_t next = 0;  // the first address that may still come
    for (uint64_t i = 0; i < count; ++i) {
      SL_TRY(const uint64_t gap, size());
      SL_TRY(const uint64_t length, size());
      if (at_ == bytes_.size()) return broken();
      const auto country = size_t(uint8_t(bytes_[at_++]));
      if (country >= country_.size() || length == 0 || gap > kMax - next ||
          length - 1 > kMax - next - gap) {
        return broken();
      }
      const uint64_t first = next + gap, last = first + length - 1;
      if (last == kMax && i + 1 < count) return broken();
      next = last + 1;
      if (country_[country] != kNoCountry)
        out.push_back({Key(first), Key(last), country_[country]});
    }
    return {};
  }

  static constexpr uint16_t kNoCountry = 0xffff;
  std::string_view bytes_;
  size_t at_ = 0;
  std::vector<uint16_t> country_;  // code of the file -> position in Data::countries
};

}  // namespace

std::optional<size_t> Data::find_aws_region(std::string_view name) const {
  const auto found = std::ranges::find(aws_regions, name, &AwsRegion::name);
  if (found == aws_regions.end()) return std::nullopt;
  return size_t(found - aws_regions.begin());
}

Result<Data> read_data(const DataFiles& files) {
  Data data;
  SL_CHECK(read_csv<5>(
      "aws_regions.csv", files.aws_regions_csv, "name,country,lat,lon,city", [&](const auto& f) {
        AwsRegion& region =
            data.aws_regions.emplace_back(std::string(f[0]), std::string(f[1]), GeoPoint{});
        return read_point(f[2], f[3], region.at);
      }));
  data.rtt_us.assign(data.aws_regions.size(), std::vector<uint32_t>(data.aws_regions.size()));
  SL_CHECK(read_csv<3>("aws_rtt.csv", files.aws_rtt_csv, "from,to,rtt_ms", [&](const auto& f) {
    const auto from = data.find_aws_region(f[0]), to = data.find_aws_region(f[1]);
    const auto ms = parse_number(f[2]);
    if (!from || !to || !ms || *ms <= 0 || *ms > 10'000) return false;
    data.rtt_us[*from][*to] = uint32_t(std::lround(*ms * 1000));
    return true;
  }));
  SL_CHECK(read_csv<5>("countries.csv", files.countries_csv, "code,name,population,lat,lon",
                       [&](const auto& f) {
                         const auto population = parse_integer(f[2]);
                         if (!population || *population < 0) return false;
                         Country& country = data.countries.emplace_back(
                             std::string(f[0]), std::string(f[1]), uint64_t(*population));
                         return read_point(f[3], f[4], country.at);
                       }));
  if (!files.country_ranges_bin.empty())
    SL_CHECK(RangesReader(files.country_ranges_bin).read(data));
  return data;
}

Data built_in_data(bool with_addresses) {
  DataFiles files = embedded_files();
  if (!with_addresses) files.country_ranges_bin = {};
  auto data = read_data(files);
  SL_ASSERT(data);  // our own files; a test reads them
  return std::move(*data);
}

}  // namespace sealane::plan
