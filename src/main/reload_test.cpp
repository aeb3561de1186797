// SPDX-License-Identifier: Apache-2.0
#include "main/reload.h"

#include <gtest/gtest.h>

namespace sealane::main {
namespace {

TEST(Reload, names_what_waits_for_a_restart) {
  plan::Plan running, fresh;
  EXPECT_EQ(waits_for_restart(running, fresh), "");
  fresh.edge.object_bytes_max /= 2;
  fresh.dns.nsid = "other";
  fresh.edge.cert_file = "new.pem";
  EXPECT_EQ(waits_for_restart(running, fresh), "") << "these are taken over";
  fresh.ports.metrics = 9000;
  fresh.lanes = 3;
  fresh.edge.cache_bytes_max /= 2;
  EXPECT_EQ(waits_for_restart(running, fresh), "ports.metrics, lanes, edge.cache_bytes_max");
}

TEST(Reload, an_engine_is_named_once) {
  plan::Plan running, fresh;
  fresh.state.endpoints = {"https://db.example"};
  EXPECT_EQ(waits_for_restart(running, fresh), "state.engine");
  running.state.endpoints = {"https://other.example"};
  EXPECT_EQ(waits_for_restart(running, fresh), "state.endpoint");
}

}  // namespace
}  // namespace sealane::main
