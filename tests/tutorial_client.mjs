// SPDX-License-Identifier: Apache-2.0
// The client of "AWS for AI/Agent Developers, Day 5: Multi-region routing", step 5, as it is printed there; only
// the type of `prompt` is left out, which is TypeScript's. Whoever moves here from that tutorial changes nothing.
const client = {
  async detectRegion() {
    const regions = ["us-east-1", "eu-west-1", "ap-southeast-1"];
    const latencies = await Promise.all(regions.map(async r => {
      const start = Date.now();
      await fetch(`https://agent-${r}.yourdomain.com/ping`);
      return { region: r, latency: Date.now() - start };
    }));
    return latencies.sort((a,b) => a.latency - b.latency)[0].region;
  },

  async ask(prompt) {
    const region = await this.detectRegion();
    return fetch(`https://agent-${region}.yourdomain.com/agent`, {
      method: "POST",
      body: JSON.stringify({ prompt, sessionId: this.sessionId, currentRegion: region }),
    });
  },
};

// For the test: a session, a prompt from each line of the input, and a line of JSON for each answer.
import { createInterface } from "node:readline";

client.sessionId = process.argv[2];
for await (const prompt of createInterface({ input: process.stdin })) {
  let line;
  try {
    const answer = await client.ask(prompt);
    line = { status: answer.status, host: new URL(answer.url).host, servedBy: answer.headers.get("sealane-region"),
             body: await answer.json() };
  } catch (error) {
    line = { error: `${error.message}: ${error.cause?.code ?? error.cause?.message ?? error.cause}` };
  }
  console.log(JSON.stringify(line));
}
