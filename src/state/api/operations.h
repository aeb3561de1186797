// SPDX-License-Identifier: Apache-2.0
// The operations by name; operations.cpp has the list that the shell looks them up in.
#pragma once

#include "state/api/api.h"

namespace sealane::state::api {

// Items.
Outcome<Answer> put_item(Call& call);
Outcome<Answer> get_item(Call& call);
Outcome<Answer> update_item(Call& call);
Outcome<Answer> delete_item(Call& call);
Outcome<Answer> query(Call& call);
Outcome<Answer> scan(Call& call);
Outcome<Answer> batch_get_item(Call& call);
Outcome<Answer> batch_write_item(Call& call);
Outcome<Answer> transact_get_items(Call& call);
Outcome<Answer> transact_write_items(Call& call);

// Tables.
Outcome<Answer> create_table(Call& call);
Outcome<Answer> describe_table(Call& call);
Outcome<Answer> update_table(Call& call);
Outcome<Answer> delete_table(Call& call);
Outcome<Answer> list_tables(Call& call);
Outcome<Answer> update_time_to_live(Call& call);
Outcome<Answer> describe_time_to_live(Call& call);
Outcome<Answer> tag_resource(Call& call);
Outcome<Answer> untag_resource(Call& call);
Outcome<Answer> list_tags_of_resource(Call& call);

// The service.
Outcome<Answer> describe_endpoints(Call& call);
Outcome<Answer> describe_limits(Call& call);
Outcome<Answer> describe_continuous_backups(Call& call);
Outcome<Answer> update_continuous_backups(Call& call);

// For operators.
Outcome<Answer> list_conflicts(Call& call);
Outcome<Answer> make_snapshot(Call& call);

// Streams.
Outcome<Answer> list_streams(Call& call);
Outcome<Answer> describe_stream(Call& call);
Outcome<Answer> get_shard_iterator(Call& call);
Outcome<Answer> get_records(Call& call);

}  // namespace sealane::state::api
