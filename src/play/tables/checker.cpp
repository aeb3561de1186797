// SPDX-License-Identifier: Apache-2.0
#include "play/tables/checker.h"

#include "play/tables/trial.h"

namespace sealane::play {

TableTrial random_trial(uint64_t seed) {
  Dice dice(mix64(seed));
  TableTrial trial{.seed = seed};
  trial.region_count = 2 + unsigned(dice.below(2));
  trial.nodes_per_region = dice.chance(0.3) ? 2 : 1;
  trial.is_os_durable = dice.chance(0.25);
  if (!trial.is_os_durable && dice.chance(0.3)) trial.ack = table::Ack::remote;
  trial.destroys = dice.chance(trial.ack == table::Ack::remote ? 0.7 : 0.2);
  // Two copies may be lost with two disks.
  trial.replaces = !trial.destroys && dice.chance(0.25);
  trial.sync_most = dice.chance(0.6) ? 2ms : dice.chance(0.5) ? 40ms : 400ms;
  if (dice.chance(0.3)) {  // so that who was away for some seconds needs a snapshot, of many pages
    trial.log_bytes_max = 8 << 10;
    trial.message_bytes_max = 4 << 10;
    // A snapshot is some forty pages of a round trip then, and up to a few of them are needed.
    trial.level_within = 45s;
  }
  trial.restores = !trial.destroys && !trial.replaces && dice.chance(0.5);
  if (!trial.is_os_durable && trial.ack == table::Ack::local && dice.chance(0.4))
    trial.ack = table::Ack::reachable;
  return trial;
}

TableVerdict try_tables(const TableTrial& trial) { return Trial(trial).run(); }

}  // namespace sealane::play
