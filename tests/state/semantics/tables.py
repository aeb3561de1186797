# SPDX-License-Identifier: Apache-2.0
"""Tables: making, describing, listing, changing and removing them."""
import datetime
import re

import subject
from subject import (REGION, Case, client, create, definitions, description, drop, fresh_name, index, key_schema, rows,
                     table_is_active, table_is_gone, wait_until)

S = {"AttributeDefinitions": definitions(pk="S"), "KeySchema": key_schema("pk")}
SS = {"AttributeDefinitions": definitions(pk="S", sk="S"), "KeySchema": key_schema("pk", "sk")}
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
ONE = {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}
WRONG = "One or more parameter values were invalid: "


def without(mapping, *names):
    return {name: value for name, value in mapping.items() if name not in names}


def with_index(kind, *indexes, base=SS, **more_definitions):
    return {**base, **ON_DEMAND, kind: list(indexes),
            "AttributeDefinitions": base["AttributeDefinitions"] + definitions(**more_definitions)}


LSI, GSI = "LocalSecondaryIndexes", "GlobalSecondaryIndexes"

REFUSED = (
    ("short name", {**S, **ON_DEMAND, "TableName": "ab"},
     "TableName must be at least 3 characters long and at most 255 characters long"),
    ("long name", {**S, **ON_DEMAND, "TableName": "a" * 256},
     "TableName must be at least 3 characters long and at most 255 characters long"),
    ("name with a blank", {**S, **ON_DEMAND, "TableName": "a b c"}, re.compile(
        r"^1 validation error detected: Value 'a b c' at 'tableName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: \[a-zA-Z0-9_\.-\]\+$")),
    ("no schema", {**without(S, "KeySchema"), **ON_DEMAND}, re.compile(
        "1 validation error detected: Value null at 'keySchema' failed to satisfy constraint: Member must not be null")),
    ("no definitions", {**without(S, "AttributeDefinitions"), **ON_DEMAND}, None),
    ("empty schema", {**S, **ON_DEMAND, "KeySchema": []}, re.compile(
        r"Value '\[\]' at 'keySchema' failed to satisfy constraint: Member must have length greater than or equal to 1")),
    ("three keys", {**S, **ON_DEMAND, "KeySchema": key_schema("pk", "sk") + key_schema("x")}, re.compile(
        r"at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2")),
    ("unknown key type", {**S, **ON_DEMAND, "KeySchema": [{"AttributeName": "pk", "KeyType": "SORT"}]}, re.compile(
        r"Value 'SORT' at 'keySchema.1.member.keyType' failed to satisfy constraint: "
        r"Member must satisfy enum value set: \[HASH, RANGE\]")),
    ("unknown type", {**ON_DEMAND, "AttributeDefinitions": definitions(pk="M"), "KeySchema": key_schema("pk")}, re.compile(
        "Value 'M' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: "
        r"Member must satisfy enum value set: \[B, N, S\]")),
    ("range first", {**S, **ON_DEMAND, "KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]},
     "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
    ("two hashes", {**SS, **ON_DEMAND, "KeySchema": key_schema("pk") + key_schema("sk")},
     "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"),
    ("same name twice", {**S, **ON_DEMAND, "KeySchema": key_schema("pk", "pk"),
                         "AttributeDefinitions": definitions(pk="S", sk="S")},
     "Both the Hash Key and the Range Key element in the KeySchema have the same name"),
    ("undefined key", {**S, **ON_DEMAND, "KeySchema": key_schema("id")},
     WRONG + "Some index key attributes are not defined in AttributeDefinitions. Keys: [id], AttributeDefinitions: [pk]"),
    ("definition too many", {**S, **ON_DEMAND, "AttributeDefinitions": definitions(pk="S", x="S")},
     WRONG + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"),
    ("no throughput", {**S}, re.compile("(ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode "
                                        "is PROVISIONED)|(No provisioned throughput specified for the table)")),
    ("throughput on demand", {**S, **ON_DEMAND, **ONE},
     WRONG + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
    ("throughput zero", {**S, "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 1}}, re.compile(
        "Value '0' at 'provisionedThroughput.readCapacityUnits' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1")),
    ("unknown billing", {**S, "BillingMode": "FREE"}, re.compile(
        "Value 'FREE' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: ")),

    ("local index on a hash table", with_index(LSI, index("one", "pk", "x"), base=S, x="S"),
     WRONG + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"),
    ("local index without range", with_index(LSI, index("one", "pk")),
     WRONG + "Index KeySchema does not have a range key for index: one"),
    ("local index of another hash", with_index(LSI, index("one", "x", "sk"), x="S"),
     WRONG + "Index KeySchema does not have the same leading hash key as table KeySchema for index: one. "
     "index hash key: x, table hash key: pk"),
    ("no local index", with_index(LSI), WRONG + "List of LocalSecondaryIndexes is empty"),
    ("six local indexes", with_index(LSI, *(index(f"lsi{n}", "pk", "x") for n in range(6)), x="S"),
     WRONG + "Number of LocalSecondaryIndexes exceeds per-table limit of 5"),
    ("no global index", with_index(GSI), WRONG + "List of GlobalSecondaryIndexes is empty"),
    ("21 global indexes", with_index(GSI, *(index(f"gsi{n}", "x") for n in range(21)), x="S"),
     WRONG + "GlobalSecondaryIndex count exceeds the per-table limit of 20"),
    ("index of an undefined attribute", with_index(GSI, index("one", "q"), base=S),
     WRONG + "Some index key attributes are not defined in AttributeDefinitions. Keys: [q], AttributeDefinitions: [pk]"),
    ("index twice", with_index(GSI, index("one", "x"), index("one", "pk"), base=S, x="S"),
     WRONG + "Duplicate index name: one"),
    ("index without projection type", with_index(GSI, {**index("one", "x"), "Projection": {}}, base=S, x="S"),
     WRONG + "Unknown ProjectionType: null"),
    ("all and some", with_index(GSI, index("one", "x", include=["y"]), base=S, x="S"),
     WRONG + "ProjectionType is ALL, but NonKeyAttributes is specified"),
    ("101 attributes in two projections", with_index(
        GSI, index("one", "x", projection="INCLUDE", include=[f"a{n}" for n in range(50)]),
        index("two", "x", projection="INCLUDE", include=[f"a{n}" for n in range(51)]), base=S, x="S"),
     re.compile("NonKeyAttributes")),
    ("short index name", with_index(GSI, index("ab", "x"), base=S, x="S"), re.compile(
        "Value 'ab' at 'globalSecondaryIndexes.1.member.indexName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 3")),
    ("index throughput on demand", with_index(GSI, {**index("one", "x"), **ONE}, base=S, x="S"),
     WRONG + "ProvisionedThroughput should not be specified for index: one when BillingMode is PAY_PER_REQUEST"),
)


class CreateTable(Case):
    def made(self, **call):
        name = fresh_name()
        self.addCleanup(drop, name)
        return client.create_table(**{"TableName": name, **call})["TableDescription"]

    @rows(*REFUSED)
    def test_refused(self, call, message):
        with self.invalid(message):
            self.made(**call)

    def test_what_it_says(self):
        before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
        table = self.made(**SS, **ONE)
        name = table["TableName"]
        self.assertIn(table["TableStatus"], ("CREATING", "ACTIVE"))
        self.assertEqual(table["KeySchema"], SS["KeySchema"])
        self.assertCountEqual(table["AttributeDefinitions"], SS["AttributeDefinitions"])
        self.assertEqual((table["ItemCount"], table["TableSizeBytes"]), (0, 0))
        self.assertRegex(table["TableArn"], rf"^arn:aws:dynamodb:{REGION}:\d+:table/{name}$")
        self.assertGreater(table["CreationDateTime"], before)
        throughput = table["ProvisionedThroughput"]
        self.assertEqual({name: throughput[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits", "NumberOfDecreasesToday")},
                         {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1, "NumberOfDecreasesToday": 0})
        wait_until(lambda: table_is_active(name), name)
        later = description(name)
        for same in ("TableArn", "TableId", "KeySchema", "CreationDateTime"):
            self.assertEqual(later[same], table[same], same)

    def test_each_table_has_an_id_of_its_own(self):
        ids = {self.made(**S, **ON_DEMAND)["TableId"] for _ in range(2)}
        self.assertEqual(len(ids), 2)
        for one in ids:
            self.assertRegex(one, r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

    def test_on_demand(self):
        table = self.made(**S, **ON_DEMAND)
        wait_until(lambda: table_is_active(table["TableName"]), "the table")
        table = description(table["TableName"])
        self.assertEqual(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        self.assertEqual(table["ProvisionedThroughput"]["ReadCapacityUnits"], 0)

    def test_indexes_are_described(self):
        name = create(fresh_name(), **subject.SCHEMAS["indexed"])
        self.addCleanup(drop, name)
        table = description(name)
        locals_ = {i["IndexName"]: i for i in table["LocalSecondaryIndexes"]}
        globals_ = {i["IndexName"]: i for i in table["GlobalSecondaryIndexes"]}
        self.assertEqual(set(locals_), {"lsi_all", "lsi_keys", "lsi_x"})
        self.assertEqual(set(globals_), {"gsi_all", "gsi_keys", "gsi_x"})
        self.assertEqual(locals_["lsi_x"]["Projection"], {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]})
        self.assertEqual(globals_["gsi_all"]["KeySchema"], key_schema("g", "h"))
        self.assertEqual(globals_["gsi_keys"]["IndexStatus"], "ACTIVE")
        for one in (*locals_.values(), *globals_.values()):
            self.assertEqual(one["IndexArn"], f"{table['TableArn']}/index/{one['IndexName']}")
            self.assertEqual((one["ItemCount"], one["IndexSizeBytes"]), (0, 0))

    def test_a_name_is_there_once(self):
        name = create(fresh_name(), **S)
        self.addCleanup(drop, name)
        with self.refused("ResourceInUseException", f"Table already exists: {name}"):
            client.create_table(TableName=name, **S, **ON_DEMAND)

    def test_longest_and_shortest_name(self):
        for name in (fresh_name()[:3] + fresh_name()[-6:], fresh_name() + "-." + "x" * 233):
            self.addCleanup(drop, name)
            self.assertEqual(client.create_table(TableName=name, **S, **ON_DEMAND)["TableDescription"]["TableName"], name)
            wait_until(lambda: table_is_active(name), name)


class DescribeListDelete(Case):
    @rows(("describe", client.describe_table), ("delete", client.delete_table))
    def test_no_table(self, operation):
        with self.refused("ResourceNotFoundException", "Requested resource not found: Table: sealane_nowhere not found"):
            operation(TableName="sealane_nowhere")

    @rows(("describe", client.describe_table), ("delete", client.delete_table))
    def test_no_name(self, operation):
        with self.invalid(re.compile("(The parameter 'TableName' is required but was not present in the request)|"
                                     "(Value null at 'tableName' failed to satisfy constraint: Member must not be null)")):
            operation()

    def test_a_removed_table_is_gone_with_its_items(self):
        name = create(fresh_name(), **S)
        client.put_item(TableName=name, Item=self.key())
        self.assertIn(client.delete_table(TableName=name)["TableDescription"]["TableStatus"], ("DELETING", "ACTIVE"))
        wait_until(lambda: table_is_gone(name), f"{name} to go")
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            client.get_item(TableName=name, Key=self.key())
        create(name, **S)
        self.addCleanup(drop, name)
        self.assertEqual(client.scan(TableName=name)["Count"], 0)

    def test_list_pages(self):
        prefix = fresh_name("aaa")  # that they are near each other in the order of names
        names = [f"{prefix}_{n}" for n in range(5)]
        for name in names:
            create(name, **S)
            self.addCleanup(drop, name)
        found, after = [], prefix
        while True:
            page = client.list_tables(Limit=2, ExclusiveStartTableName=after)
            self.assertLessEqual(len(page["TableNames"]), 2)
            found += page["TableNames"]
            after = page.get("LastEvaluatedTableName")
            if after is None or len(found) >= len(names):
                break
            self.assertEqual(after, page["TableNames"][-1])
        self.assertEqual(found[:5], names)
        everything = [name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]]
        self.assertEqual(sorted(everything), everything)
        self.assertLess(set(names), set(everything) | {""})

    @rows(("zero", 0, "greater than or equal to 1"), ("101", 101, "less than or equal to 100"))
    def test_list_limit(self, limit, message):
        with self.invalid(f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
                          f"Member must have value {message}"):
            client.list_tables(Limit=limit)


class UpdateTable(Case):
    @rows(("nothing to do", {}, re.compile("^At least one of ProvisionedThroughput, ")),
          ("provisioned without numbers", {"BillingMode": "PROVISIONED"},
           WRONG + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"),
          ("empty index update", {"GlobalSecondaryIndexUpdates": [{}]},
           WRONG + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
           "GlobalSecondaryIndexUpdate.Delete must not be null"))
    def test_refused(self, call, message):
        with self.invalid(message):
            client.update_table(TableName=self.table, **call)

    def test_no_table(self):
        with self.refused("ResourceNotFoundException", "Requested resource not found: Table: sealane_nowhere not found"):
            client.update_table(TableName="sealane_nowhere", BillingMode="PAY_PER_REQUEST")

    def test_throughput(self):
        name = create(fresh_name(), billing="PROVISIONED", **S, **ONE)
        self.addCleanup(drop, name)
        client.update_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 2})
        wait_until(lambda: table_is_active(name), name)
        throughput = description(name)["ProvisionedThroughput"]
        self.assertEqual((throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]), (3, 2))
        with self.invalid(re.compile("^The provisioned throughput for the table will not change. The requested value equals the "
                                     "current value. Current ReadCapacityUnits provisioned for the table: 3.")):
            client.update_table(TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 2})

    def test_billing_mode(self):
        name = create(fresh_name(), billing="PROVISIONED", **S, **ONE)
        self.addCleanup(drop, name)
        client.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
        wait_until(lambda: table_is_active(name), name)
        self.assertEqual(description(name)["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")

    def test_deletion_protection(self):
        name = create(fresh_name(), **S)
        self.addCleanup(drop, name)
        answer = subject.raw("UpdateTable", {"TableName": name, "DeletionProtectionEnabled": True})
        self.assertEqual(answer.status, 200, answer.body)
        wait_until(lambda: table_is_active(name), name)
        with self.invalid(re.compile("deletion protection", re.I)):
            client.delete_table(TableName=name)
        subject.raw("UpdateTable", {"TableName": name, "DeletionProtectionEnabled": False})
        wait_until(lambda: table_is_active(name), name)


class Replicas(Case):
    def test_a_replica_is_made_and_taken_away(self):
        name = create(fresh_name(), **subject.SCHEMAS["streamed"])
        self.addCleanup(drop, name)

        def statuses():
            return {r["RegionName"]: r.get("ReplicaStatus") for r in description(name).get("Replicas", [])}

        def change(verb):
            return client.update_table(TableName=name, ReplicaUpdates=[{verb: {"RegionName": subject.REPLICA}}])["TableDescription"]

        self.assertIn(change("Create")["TableStatus"], ("UPDATING", "ACTIVE"))
        wait_until(lambda: table_is_active(name) and statuses().get(subject.REPLICA) == "ACTIVE", "the replica")
        self.assertEqual(description(name)["GlobalTableVersion"], "2019.11.21")
        change("Delete")
        wait_until(lambda: table_is_active(name) and subject.REPLICA not in statuses(), "the replica to go")

    def test_a_replica_in_no_region_of_the_world(self):
        name = create(fresh_name(), **subject.SCHEMAS["streamed"])
        self.addCleanup(drop, name)
        with self.invalid(re.compile("mars-1")):
            client.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": "mars-1"}}])
        self.assertNotIn("mars-1", str(description(name)))

    def test_a_replica_tells_how_far_behind_it_is_and_clients_of_aws_do_not_mind(self):
        name = create(fresh_name(), **subject.SCHEMAS["streamed"])
        self.addCleanup(drop, name)
        client.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": subject.REPLICA}}])
        wait_until(lambda: table_is_active(name), name)

        def replica(table):
            return next(r for r in table["Replicas"] if r["RegionName"] == subject.REPLICA)

        raw = replica(subject.raw("DescribeTable", {"TableName": name}).json["Table"])
        source, = raw["SealaneLag"]["Sources"]
        self.assertRegex(source["SourceId"], "^[0-9a-f]{8}$")
        for seconds in ("SecondsBehind", "SecondsSinceHeard"):
            self.assertTrue(0 <= source[seconds] < 3600, source)
        for count in ("BytesBehind", "EntriesBehind"):
            self.assertIsInstance(source[count], int)
        seen = replica(description(name))
        self.assertEqual((seen["RegionName"], seen["ReplicaStatus"]), (subject.REPLICA, "ACTIVE"))
        self.assertNotIn("SealaneLag", seen)  # boto3 leaves alone what it does not know
