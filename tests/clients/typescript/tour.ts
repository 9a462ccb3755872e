// A call from TypeScript: it compiles only if it uses the interface as the document describes it.
import { createCallAudioClient, type SchemaCallState } from "./index.js";

declare const process: { env: Record<string, string>; exitCode: number };
declare const console: { log(text: string): void };

function expect<T>(value: T | undefined, problem: unknown): T {
  if (value === undefined) throw new Error(JSON.stringify(problem));
  return value;
}

const client = createCallAudioClient({ url: process.env.URL!, key: process.env.KEY! });
const placed = await client.POST("/api/v1/calls", {
  body: { to: "+15551230000", from: "+15559990000", channels: "unmixed", tags: ["typescript"] },
});
const id = expect(placed.data, placed.error).call_connection_id;
const ended: SchemaCallState[] = ["disconnected", "failed"];

const path = { params: { path: { id } } };
for (let attempt = 0; ; attempt++) {
  const { data, error } = await client.GET("/api/v1/calls/{id}", path);
  const call = expect(data, error);
  if (ended.includes(call.state) && call.result_state === "final") break;
  if (attempt > 600) throw new Error(`${call.state}, ${call.result_state}`);
  if (call.streaming.state === "active" && call.landed_segments.length > 0) {
    await client.POST("/api/v1/calls/{id}/hangup", path);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
}
const timeline = await client.GET("/api/v1/calls/{id}/timeline", path);
const listed = await client.GET("/api/v1/calls", { params: { query: { tag: ["typescript"] } } });
const unknown = await client.GET("/api/v1/calls/{id}", { params: { path: { id: "no-such-call" } } });
console.log(
  JSON.stringify({
    id,
    tracks: expect(timeline.data, timeline.error).tracks.map((track) => track.track),
    listed: expect(listed.data, listed.error).calls.map((call) => call.call_connection_id),
    code: unknown.error?.code,
  }),
);
