// SPDX-License-Identifier: Apache-2.0
#include "edge/exchange.h"

#include <gtest/gtest.h>

namespace sealane::edge {
namespace {

using Next = Exchange::Next;

struct Case {
  const char* name;
  bool repeatable, reused, sent, heard, body_held, delivered;
  Trouble trouble;
  Next next;
};

TEST(Exchange, follows_its_table) {
  const Case cases[] = {
      //                           repeat reused  sent  heard   held delivered
      {"get, refused", true, false, false, false, true, false, Trouble::refused, Next::elsewhere},
      {"post, refused: not sent", false, false, false, false, true, false, Trouble::refused,
       Next::elsewhere},
      {"post, reset after sending", false, false, true, false, true, false, Trouble::reset,
       Next::give_up},
      {"post, stale connection", false, true, true, false, true, false, Trouble::reset,
       Next::give_up},
      {"get, stale connection", true, true, true, false, true, false, Trouble::reset, Next::fresh},
      {"get, died after a byte", true, true, true, true, true, false, Trouble::reset,
       Next::elsewhere},
      {"get, silence", true, false, true, false, true, false, Trouble::first_byte_timeout,
       Next::elsewhere},
      {"get, went down", true, false, true, false, true, false, Trouble::unhealthy,
       Next::elsewhere},
      {"post, went down, sent", false, false, true, false, true, false, Trouble::unhealthy,
       Next::give_up},
      {"post, went down, unsent", false, false, false, false, true, false, Trouble::unhealthy,
       Next::elsewhere},
      {"post, node: unprocessed", false, false, true, true, true, false, Trouble::unprocessed,
       Next::elsewhere},
      {"post, node: 503", false, false, true, true, true, false, Trouble::gateway_status,
       Next::give_up},
      {"get, body let go", true, false, true, false, false, false, Trouble::reset, Next::give_up},
      {"get, half answered", true, false, true, true, true, true, Trouble::reset, Next::cut},
  };
  for (const Case& c : cases) {
    Exchange x(c.repeatable, 3);
    x.attempt_began(c.reused);
    if (c.sent) x.request_sent();
    if (c.heard) x.answer_began();
    if (!c.body_held) x.body_let_go();
    if (c.delivered) x.delivered();
    EXPECT_EQ(x.on_trouble(c.trouble), c.next) << c.name;
  }
}

TEST(Exchange, attempts_end_at_max) {
  Exchange x(true, 3);
  for (int i = 0; i < 2; ++i) {
    x.attempt_began(false);
    EXPECT_EQ(x.on_trouble(Trouble::refused), Next::elsewhere);
  }
  x.attempt_began(false);
  EXPECT_EQ(x.on_trouble(Trouble::refused), Next::give_up);
}

TEST(Exchange, a_fresh_connection_is_tried_once_and_is_no_new_attempt) {
  Exchange x(true, 1);
  x.attempt_began(true);
  x.request_sent();
  EXPECT_EQ(x.on_trouble(Trouble::reset), Next::fresh);
  x.attempt_began(false);
  EXPECT_EQ(x.attempt_count(), 1);
  x.request_sent();
  EXPECT_EQ(x.on_trouble(Trouble::reset), Next::give_up);
}

}  // namespace
}  // namespace sealane::edge
