// SPDX-License-Identifier: Apache-2.0
#include "play/drill/sse_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace sealane::play::drill {
namespace {

std::vector<SseEvent> read(SseReader& reader, std::string_view bytes) {
  std::vector<SseEvent> events;
  reader.feed(bytes, [&](const SseEvent& e) { events.push_back(e); });
  return events;
}

TEST(SseReader, events_have_a_type_an_id_and_their_lines_of_data) {
  SseReader reader;
  const auto events =
      read(reader, ": hello\n\nid: 7\ndata: a\ndata:b\n\nevent: error\ndata: {}\n\n");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, "message");
  EXPECT_EQ(events[0].id, "7");
  EXPECT_EQ(events[0].data, "a\nb");
  EXPECT_EQ(events[1].type, "error");
  EXPECT_EQ(events[1].id, "") << "an id belongs to its own event";
  EXPECT_FALSE(reader.in_event());
}

TEST(SseReader, lines_end_in_lf_cr_or_both_wherever_the_bytes_are_cut) {
  SseReader reader;
  EXPECT_EQ(read(reader, "data: a\r").size(), 0u);
  EXPECT_EQ(read(reader, "\ndata: b\r\r").size(), 1u);
  EXPECT_EQ(read(reader, "data: c\r\n\r\n").size(), 1u);
}

TEST(SseReader, an_event_that_did_not_end_is_seen_as_open) {
  SseReader reader;
  EXPECT_EQ(read(reader, "data: half").size(), 0u);
  EXPECT_TRUE(reader.in_event());
  EXPECT_EQ(read(reader, "\n\n").size(), 1u);
  EXPECT_FALSE(reader.in_event());
}

TEST(SseReader, an_event_without_data_is_dropped) {
  SseReader reader;
  EXPECT_EQ(read(reader, "event: error\nid: 3\n\ndata: x\n\n").front().type, "message");
}

TEST(SseReader, data_is_kept_up_to_its_bound_and_says_when_it_was_cut) {
  for (const size_t more : {size_t{0}, size_t{1}}) {
    SseReader reader;
    const size_t lines = SseReader::kDataBytesMax / SseReader::kLineBytesMax;
    size_t left =
        SseReader::kDataBytesMax + more - (lines - 1);  // the line feeds between count too
    std::string text;
    while (left > 0) {
      const size_t piece = std::min(left, SseReader::kLineBytesMax - 5);
      text += "data:" + std::string(piece, 'x') + "\n";
      left -= piece;
      if (left > 0 && text.size() > SseReader::kDataBytesMax) --left;
    }
    const auto events = read(reader, text + "\n");
    ASSERT_EQ(events.size(), 1u);
    EXPECT_LE(events[0].data.size(), SseReader::kDataBytesMax);
    EXPECT_EQ(events[0].is_cut, more == 1) << events[0].data.size();
  }
}

TEST(SseReader, a_line_past_its_bound_loses_its_end) {
  SseReader reader;
  const std::string fits(SseReader::kLineBytesMax - 5, 'x');
  EXPECT_FALSE(read(reader, "data:" + fits + "\n\n").front().is_cut);
  EXPECT_TRUE(read(reader, "data:" + fits + "y\n\n").front().is_cut);
}

}  // namespace
}  // namespace sealane::play::drill
