// SPDX-License-Identifier: Apache-2.0
#include "wire/sse.h"

#include <gtest/gtest.h>

namespace sealane::wire::sse {
namespace {

TEST(SseScanner, knows_whether_it_stands_between_events) {
  struct Case {
    const char* bytes;
    bool between;
    uint64_t events;
  };
  const Case cases[] = {
      {"", true, 0},
      {"data: a", false, 0},
      {"data: a\n", false, 0},
      {"data: a\n\n", true, 1},
      {"data: a\r\n\r\n", true, 1},
      {"data: a\r\r", true, 1},
      {"data: a\r\n\r\ndata", false, 1},
      {": comment\n", true, 0},
      {": comment\n\n", true, 0},
      {"data: a\n: comment\n", false, 0},
      {"\n\n\n", true, 0},
      {"event: x\ndata: 1\n\ndata: 2\n\n", true, 2},
  };
  for (const Case& c : cases) {
    Scanner whole, pieces;
    whole.feed(c.bytes);
    for (const char* p = c.bytes; *p; ++p) pieces.feed({p, 1});
    for (const Scanner* s : {&whole, &pieces}) {
      EXPECT_EQ(s->between_events(), c.between) << c.bytes;
      EXPECT_EQ(s->event_count(), c.events) << c.bytes;
    }
  }
}

}  // namespace
}  // namespace sealane::wire::sse
