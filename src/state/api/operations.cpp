// SPDX-License-Identifier: Apache-2.0
#include "state/api/operations.h"

namespace sealane::state::api {
namespace {

constexpr bool kReads = false, kWrites = true;
constexpr std::string_view kOperators = "sealane";

constexpr Operation kOperations[] = {
    {"BatchGetItem", batch_get_item, kReads},
    {"BatchWriteItem", batch_write_item, kWrites},
    {"CreateTable", create_table, kWrites},
    {"DeleteItem", delete_item, kWrites},
    {"DeleteTable", delete_table, kWrites},
    {"DescribeContinuousBackups", describe_continuous_backups, kReads},
    {"DescribeEndpoints", describe_endpoints, kReads},
    {"DescribeLimits", describe_limits, kReads},
    {"DescribeStream", describe_stream, kReads},
    {"DescribeTable", describe_table, kReads},
    {"DescribeTimeToLive", describe_time_to_live, kReads},
    {"GetItem", get_item, kReads},
    {"GetRecords", get_records, kReads},
    {"GetShardIterator", get_shard_iterator, kReads},
    {"ListConflicts", list_conflicts, kReads, kOperators},
    {"ListStreams", list_streams, kReads},
    {"ListTables", list_tables, kReads},
    {"ListTagsOfResource", list_tags_of_resource, kReads},
    {"MakeSnapshot", make_snapshot, kWrites, kOperators},
    {"PutItem", put_item, kWrites},
    {"Query", query, kReads},
    {"Scan", scan, kReads},
    {"TagResource", tag_resource, kWrites},
    {"TransactGetItems", transact_get_items, kReads},
    {"TransactWriteItems", transact_write_items, kWrites},
    {"UntagResource", untag_resource, kWrites},
    {"UpdateContinuousBackups", update_continuous_backups, kWrites},
    {"UpdateItem", update_item, kWrites},
    {"UpdateTable", update_table, kWrites},
    {"UpdateTimeToLive", update_time_to_live, kWrites},
};

}  // namespace

std::span<const Operation> operations() { return kOperations; }

}  // namespace sealane::state::api
