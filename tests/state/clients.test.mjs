// SPDX-License-Identifier: Apache-2.0
// The clients that agents really use, unchanged, each doing its own job from end to end on a server of DynamoDB's API.
//   STATE_CLIENTS=$(tests/state/install.sh) ENDPOINT=http://HOST:PORT node --test tests/state/clients.test.mjs
// Environment: ENDPOINT, REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; JUDGE=dynalite when the server is dynalite,
// JUDGE=handoff when it is dynalite behind a Sealane node.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";

const need = createRequire(`${process.env.STATE_CLIENTS}/package.json`);
const { CreateTableCommand, DeleteTableCommand, DynamoDBClient, waitUntilTableExists } = need("@aws-sdk/client-dynamodb");
const documents = need("@aws-sdk/lib-dynamodb");
const { DescribeStreamCommand, DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand } =
  need("@aws-sdk/client-dynamodb-streams");

const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY };
const config = { endpoint: process.env.ENDPOINT, region: process.env.REGION, credentials };
const client = new DynamoDBClient(config);
const differsFromDynalite = (reason) => ({ skip: ["dynalite", "handoff"].includes(process.env.JUDGE) ? reason : false });

const tables = [];
async function table(keys, more = {}) {
  const TableName = `sealane_${randomUUID().slice(0, 8)}`;
  const names = Object.keys(keys);
  await client.send(new CreateTableCommand({
    TableName, BillingMode: "PAY_PER_REQUEST",
    KeySchema: names.slice(0, 2).map((name, place) => ({ AttributeName: name, KeyType: place ? "RANGE" : "HASH" })),
    AttributeDefinitions: names.map((name) => ({ AttributeName: name, AttributeType: keys[name] })), ...more,
  }));
  tables.push(TableName);
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName });
  return TableName;
}

after(async () => {
  await Promise.allSettled(tables.map((TableName) => client.send(new DeleteTableCommand({ TableName }))));
  client.destroy();
});

describe("the SDK's document client", () => {
  const { BatchGetCommand, BatchWriteCommand, DeleteCommand, DynamoDBDocumentClient, GetCommand, NumberValue, PutCommand,
          QueryCommand, TransactGetCommand, TransactWriteCommand, UpdateCommand, paginateQuery, paginateScan } = documents;
  const docs = DynamoDBDocumentClient.from(client);
  let TableName;
  before(async () => { TableName = await table({ pk: "S", sk: "N" }); });

  test("every type there and back", async () => {
    const item = { pk: "types", sk: 1, s: "ü😀", empty: "", n: -1.5e-7, yes: true, no: false, nil: null, bytes: new Uint8Array([0, 255]),
                   strings: new Set(["a", "b"]), numbers: new Set([1, 2.5]), list: [1, ["x", { deep: [null] }]], map: { a: { b: {} } } };
    await docs.send(new PutCommand({ TableName, Item: item }));
    const { Item } = await docs.send(new GetCommand({ TableName, Key: { pk: "types", sk: 1 }, ConsistentRead: true }));
    assert.deepEqual(Item, item);
  });

  test("a number of 38 digits", async () => {
    const exact = DynamoDBDocumentClient.from(new DynamoDBClient(config), { unmarshallOptions: { wrapNumbers: true } });
    const value = "12345678901234567890123456789012345678";
    await exact.send(new PutCommand({ TableName, Item: { pk: "exact", sk: 1, value: NumberValue.from(value) } }));
    const { Attributes } = await exact.send(new UpdateCommand({
      TableName, Key: { pk: "exact", sk: 1 }, UpdateExpression: "SET #v = #v + :one", ReturnValues: "UPDATED_NEW",
      ExpressionAttributeNames: { "#v": "value" }, ExpressionAttributeValues: { ":one": 1 } }));
    assert.equal(Attributes.value.toString(), "12345678901234567890123456789012345679");
    exact.destroy();
  });

  test("pages of a query and of a scan", async () => {
    for (let start = 0; start < 50; start += 25) {
      await docs.send(new BatchWriteCommand({ RequestItems: { [TableName]: Array.from({ length: 25 }, (_, n) => (
        { PutRequest: { Item: { pk: "pages", sk: start + n } } })) } }));
    }
    const found = [];
    for await (const page of paginateQuery({ client: docs, pageSize: 7 }, {
      TableName, KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": "pages" }, ScanIndexForward: false })) {
      found.push(...page.Items.map((item) => item.sk));
    }
    assert.deepEqual(found, Array.from({ length: 50 }, (_, n) => 49 - n));
    let count = 0;
    for await (const page of paginateScan({ client: docs, pageSize: 9 }, {
      TableName, FilterExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": "pages" } })) count += page.Count;
    assert.equal(count, 50);
  });

  test("a batch of reads, a condition that fails, a removal", async () => {
    await docs.send(new PutCommand({ TableName, Item: { pk: "few", sk: 1, v: "a" } }));
    const { Responses } = await docs.send(new BatchGetCommand({ RequestItems: { [TableName]: {
      Keys: [{ pk: "few", sk: 1 }, { pk: "few", sk: 2 }] } } }));
    assert.deepEqual(Responses[TableName], [{ pk: "few", sk: 1, v: "a" }]);
    await assert.rejects(docs.send(new PutCommand({ TableName, Item: { pk: "few", sk: 1 },
      ConditionExpression: "attribute_not_exists(pk)" })), { name: "ConditionalCheckFailedException" });
    await docs.send(new DeleteCommand({ TableName, Key: { pk: "few", sk: 1 } }));
    const { Count } = await docs.send(new QueryCommand({ TableName, Select: "COUNT", KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": "few" } }));
    assert.equal(Count, 0);
  });

  test("the old item comes with a failed condition", differsFromDynalite("no ReturnValuesOnConditionCheckFailure"), async () => {
    await docs.send(new PutCommand({ TableName, Item: { pk: "guard", sk: 1, v: "old" } }));
    await assert.rejects(docs.send(new PutCommand({ TableName, Item: { pk: "guard", sk: 1, v: "new" },
      ConditionExpression: "attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure: "ALL_OLD" })), (error) => {
      assert.deepEqual(error.Item.v, { S: "old" });
      return true;
    });
  });

  test("transactions: all, nothing, and a snapshot", differsFromDynalite("no transactions"), async () => {
    const move = (from, to, amount) => new TransactWriteCommand({ TransactItems: [
      { Update: { TableName, Key: { pk: from, sk: 0 }, UpdateExpression: "SET coins = coins - :n", ConditionExpression: "coins >= :n",
                  ExpressionAttributeValues: { ":n": amount } } },
      { Update: { TableName, Key: { pk: to, sk: 0 }, UpdateExpression: "ADD coins :n", ExpressionAttributeValues: { ":n": amount } } },
    ] });
    await docs.send(new PutCommand({ TableName, Item: { pk: "ann", sk: 0, coins: 10 } }));
    await docs.send(move("ann", "bob", 7));
    await assert.rejects(docs.send(move("ann", "bob", 7)), (error) => {
      assert.equal(error.name, "TransactionCanceledException");
      assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ["ConditionalCheckFailed", "None"]);
      return true;
    });
    const { Responses } = await docs.send(new TransactGetCommand({ TransactItems: ["ann", "bob"].map((pk) => (
      { Get: { TableName, Key: { pk, sk: 0 } } })) }));
    assert.deepEqual(Responses.map(({ Item }) => Item.coins), [3, 7]);
  });

  test("many writers of one counter", async () => {
    await Promise.all(Array.from({ length: 40 }, () => docs.send(new UpdateCommand({
      TableName, Key: { pk: "counter", sk: 0 }, UpdateExpression: "ADD hits :one", ExpressionAttributeValues: { ":one": 1 } }))));
    const { Item } = await docs.send(new GetCommand({ TableName, Key: { pk: "counter", sk: 0 } }));
    assert.equal(Item.hits, 40);
  });
});

test("the SDK's stream client reads what was written", differsFromDynalite("no streams"), async () => {
  const streams = new DynamoDBStreamsClient(config);
  const TableName = await table({ pk: "S" }, { StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" } });
  const { DescribeTableCommand, PutItemCommand } = need("@aws-sdk/client-dynamodb");
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  for (const n of ["1", "2"]) await client.send(new PutItemCommand({ TableName, Item: { pk: { S: "a" }, n: { N: n } } }));
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn: Table.LatestStreamArn }));
  const found = [];
  for (const { ShardId } of StreamDescription.Shards) {
    let { ShardIterator } = await streams.send(new GetShardIteratorCommand({
      StreamArn: Table.LatestStreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" }));
    for (let round = 0; ShardIterator && round < 20 && found.length < 2; ++round) {
      const page = await streams.send(new GetRecordsCommand({ ShardIterator }));
      found.push(...page.Records);
      ShardIterator = page.NextShardIterator;
    }
  }
  assert.deepEqual(found.map((record) => [record.eventName, record.dynamodb.NewImage.n.N]), [["INSERT", "1"], ["MODIFY", "2"]]);
  streams.destroy();
});

test("connect-dynamodb keeps the sessions of an express server", async () => {
  const express = need("express"), session = need("express-session");
  const DynamoDBStore = need("connect-dynamodb")(session);
  const name = `sealane_sessions_${randomUUID().slice(0, 8)}`;
  tables.push(name);
  const store = new DynamoDBStore({ table: name, client, hashKey: "id", prefix: "sess:", initialized: false });
  await store.initialize();

  const serve = async () => {
    const app = express();
    app.use(session({ store, secret: "a secret", resave: false, saveUninitialized: false, cookie: { maxAge: 60000 } }));
    app.get("/count", (request, response) => {
      request.session.count = (request.session.count ?? 0) + 1;
      response.json({ count: request.session.count });
    });
    app.get("/leave", (request, response) => request.session.destroy(() => response.json({ left: true })));
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  const ask = async (server, path, cookie) => {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers: cookie ? { cookie } : {} });
    return { ...await answer.json(), cookie: answer.headers.get("set-cookie")?.split(";")[0] };
  };
  const stop = (server) => { server.closeAllConnections(); server.close(); };

  const first = await serve();
  const { count, cookie } = await ask(first, "/count");
  assert.equal(count, 1);
  assert.equal((await ask(first, "/count", cookie)).count, 2);
  stop(first);
  const second = await serve();  // another process would see the same session
  assert.equal((await ask(second, "/count", cookie)).count, 3);
  assert.equal((await ask(second, "/count")).count, 1);
  assert.equal((await ask(second, "/leave", cookie)).left, true);
  assert.equal((await ask(second, "/count", cookie)).count, 1);
  stop(second);
});

test("keyv keeps values and forgets them in time", differsFromDynalite("no UpdateTimeToLive"), async () => {
  const Keyv = need("keyv").Keyv, KeyvDynamo = need("@keyv/dynamo").default;
  const tableName = `sealane_keyv_${randomUUID().slice(0, 8)}`;
  tables.push(tableName);
  const open = () => new Keyv({ store: new KeyvDynamo({ ...config, tableName }), namespace: "agent" });
  const keyv = open();
  await keyv.set("forever", { a: [1, "x"] });
  await keyv.set("short", "soon gone", 30);
  await keyv.set("long", "still there", 3600_000);
  assert.deepEqual(await keyv.get("forever"), { a: [1, "x"] });
  const gone = Date.now() + 1500;  // the store counts in seconds
  while (await keyv.get("short") !== undefined) assert.ok(Date.now() < gone, "a value outlives its time");
  assert.deepEqual(await open().getMany(["forever", "short", "long"]), [{ a: [1, "x"] }, undefined, "still there"]);
  assert.equal(await keyv.delete("forever"), true);
  assert.equal(await keyv.get("forever"), undefined);
  await keyv.clear();
  assert.equal(await keyv.get("long"), undefined);
});

test("LangChain's chat history: ten messages, read back, cleared", async () => {
  const { DynamoDBChatMessageHistory } = need("@langchain/community/stores/message/dynamodb");
  const { AIMessage, HumanMessage } = need("@langchain/core/messages");
  const tableName = await table({ id: "S" });
  const open = (sessionId) => new DynamoDBChatMessageHistory({ tableName, partitionKey: "id", sessionId, config });
  const history = open("one"), other = open("two");
  for (let turn = 0; turn < 10; ++turn) {
    await history.addMessage(turn % 2 ? new AIMessage(`answer ${turn}`) : new HumanMessage(`question ${turn} ü`));
  }
  await other.addMessage(new HumanMessage("hello"));
  const messages = await open("one").getMessages();
  assert.deepEqual(messages.map((message) => message.content),
                   Array.from({ length: 10 }, (_, turn) => (turn % 2 ? `answer ${turn}` : `question ${turn} ü`)));
  assert.deepEqual(messages.map((message) => message.getType()), Array.from({ length: 10 }, (_, turn) => (turn % 2 ? "ai" : "human")));
  await history.clear();
  assert.deepEqual(await history.getMessages(), []);
  assert.equal((await other.getMessages()).length, 1);
});

test("LangGraph: two turns, their history, and a new instance goes on", async () => {
  const { Annotation, END, START, StateGraph } = need("@langchain/langgraph");
  const { DynamoDBSaver } = need("@rwai/langgraphjs-checkpoint-dynamodb");
  const checkpointsTableName = await table({ thread_id: "S", checkpoint_id: "S" });
  const writesTableName = await table({ thread_id_checkpoint_id_checkpoint_ns: "S", task_id_idx: "S" });
  const graph = () => {
    const State = Annotation.Root({ turns: Annotation({ reducer: (all, more) => all.concat(more), default: () => [] }) });
    return new StateGraph(State)
      .addNode("think", (state) => ({ turns: [`thought ${state.turns.length}`] }))
      .addNode("speak", (state) => ({ turns: [`said ${state.turns.length}`] }))
      .addEdge(START, "think").addEdge("think", "speak").addEdge("speak", END)
      .compile({ checkpointer: new DynamoDBSaver({ clientConfig: config, checkpointsTableName, writesTableName }) });
  };
  const thread = (thread_id) => ({ configurable: { thread_id } });

  const first = graph();
  await first.invoke({ turns: ["ask a"] }, thread("1"));
  const after_two = await first.invoke({ turns: ["ask b"] }, thread("1"));
  const expected = ["ask a", "thought 1", "said 2", "ask b", "thought 4", "said 5"];
  assert.deepEqual(after_two.turns, expected);

  const second = graph();  // as another process after a failover
  assert.deepEqual((await second.getState(thread("1"))).values.turns, expected);
  const history = [];
  for await (const state of second.getStateHistory(thread("1"))) history.push(state.values.turns?.length ?? 0);
  assert.deepEqual(history, [6, 5, 4, 3, 3, 2, 1, 0]);
  assert.deepEqual((await second.invoke({ turns: ["ask c"] }, thread("1"))).turns.slice(6), ["ask c", "thought 7", "said 8"]);
  assert.deepEqual((await second.invoke({ turns: ["ask"] }, thread("2"))).turns, ["ask", "thought 1", "said 2"]);
});

test("ElectroDB keeps threads and messages in one table", async () => {
  const { Entity } = need("electrodb");
  const name = await table({ pk: "S", sk: "S", gsi1pk: "S", gsi1sk: "S" }, { GlobalSecondaryIndexes: [{ IndexName: "gsi1",
    KeySchema: [{ AttributeName: "gsi1pk", KeyType: "HASH" }, { AttributeName: "gsi1sk", KeyType: "RANGE" }],
    Projection: { ProjectionType: "ALL" } }] });
  const messages = new Entity({
    model: { entity: "message", service: "agent", version: "1" },
    attributes: { id: { type: "string", required: true }, thread: { type: "string", required: true }, text: { type: "string" },
                  at: { type: "string", required: true }, reads: { type: "number", default: 0 }, labels: { type: "set", items: "string" } },
    indexes: { byId: { pk: { field: "pk", composite: ["id"] }, sk: { field: "sk", composite: [] } },
               byThread: { index: "gsi1", pk: { field: "gsi1pk", composite: ["thread"] }, sk: { field: "gsi1sk", composite: ["at"] } } },
  }, { client, table: name });
  const at = (n) => `2026-01-0${n}T00:00:00Z`;
  for (let n = 1; n <= 5; ++n) await messages.create({ id: `m${n}`, thread: n < 5 ? "t1" : "t2", text: `text ${n}`, at: at(n) }).go();
  await assert.rejects(messages.create({ id: "m1", thread: "t1", at: at(1) }).go());
  await messages.update({ id: "m2" }).add({ reads: 3, labels: ["seen"] }).set({ text: "changed" }).go();
  assert.deepEqual((await messages.get({ id: "m2" }).go()).data,
                   { id: "m2", thread: "t1", text: "changed", at: at(2), reads: 3, labels: ["seen"] });
  const asked = await messages.query.byThread({ thread: "t1" }).between({ at: at(2) }, { at: at(9) }).go({ order: "desc" });
  assert.deepEqual(asked.data.map(({ id }) => id), ["m4", "m3", "m2"]);
  const unread = await messages.query.byThread({ thread: "t1" }).where(({ reads }, { eq }) => eq(reads, 0)).go();
  assert.equal(unread.data.length, 3);
  await messages.delete([{ id: "m1" }, { id: "m2" }]).go();
  assert.equal((await messages.query.byThread({ thread: "t1" }).go()).data.length, 2);
});
