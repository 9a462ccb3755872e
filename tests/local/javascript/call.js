// Makes one call with Microsoft's JavaScript client, receives its media stream and prints what came.
// Usage: node call.js CONNECTION_STRING CHANNELS AUDIO_FORMAT SECONDS_OF_AUDIO

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { once, EventEmitter } from "node:events";

import {
  CallAutomationClient,
  StreamingData,
  parseCallAutomationEvent,
} from "@azure/communication-call-automation";
import { WebSocketServer } from "ws";

const [connectionString, audioChannelType, audioFormat, seconds] = process.argv.slice(2);
const FRAMES_PER_SECOND = 50;

const events = [];
const arrivals = new EventEmitter();
const http = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  for (const event of JSON.parse(body)) {
    const parsed = parseCallAutomationEvent(event);
    events.push(parsed.kind);
    arrivals.emit(parsed.kind, parsed);
  }
  response.end();
});
const streams = new WebSocketServer({ server: http, path: "/media" });
const tracks = new Map();
const kinds = {};
let metadata = null;
let closed = null;

function receive(message, isBinary) {
  // Its parser takes text as a string, and bytes as a buffer.
  const packet = StreamingData.parse(isBinary ? message : message.toString());
  const kind = StreamingData.getStreamingKind();
  kinds[kind] = (kinds[kind] ?? 0) + 1;
  if (kind === "AudioMetadata") {
    metadata = packet;
  } else if (kind === "AudioData") {
    const { participant } = packet;
    const name = participant?.phoneNumber ?? participant?.communicationUserId ?? "mixed";
    const track = tracks.get(name) ?? { frames: 0, silent: 0, hash: createHash("sha256") };
    track.hash.update(Buffer.from(packet.data, "base64"));
    track.frames += 1;
    track.silent += packet.isSilent ? 1 : 0;
    track.first ??= packet.timestamp;
    tracks.set(name, track);
    if (track.frames === seconds * FRAMES_PER_SECOND) arrivals.emit("audio");
  }
}

streams.on("connection", (socket) => {
  closed = once(socket, "close");
  socket.on("message", (message, isBinary) => {
    try {
      receive(message, isBinary);
    } catch (error) {
      console.error(`${error.message}: ${message}`);
      process.exit(1);
    }
  });
});

http.listen(0, "127.0.0.1");
await once(http, "listening");
const address = `127.0.0.1:${http.address().port}`;
const client = new CallAutomationClient(connectionString, { allowInsecureConnection: true });

const connected = once(arrivals, "CallConnected");
const { callConnection, callConnectionProperties } = await client.createCall(
  {
    targetParticipant: { phoneNumber: "+15551230000" },
    sourceCallIdNumber: { phoneNumber: "+15559990000" },
  },
  `http://${address}/callbacks`,
  {
    operationContext: "javascript",
    mediaStreamingOptions: {
      transportUrl: `ws://${address}/media`,
      transportType: "websocket",
      contentType: "audio",
      audioChannelType,
      audioFormat,
      startMediaStreaming: false,
    },
  },
);
await connected;
const media = callConnection.getCallMedia();
const [started, audio] = [once(arrivals, "MediaStreamingStarted"), once(arrivals, "audio")];
await media.startMediaStreaming({ operationContext: "start" });
const [{ operationContext }] = await started;
await audio;
const stopped = once(arrivals, "MediaStreamingStopped");
await media.stopMediaStreaming();
await stopped;
const [closeCode] = await closed;
const properties = await callConnection.getCallConnectionProperties();
const disconnected = once(arrivals, "CallDisconnected");
await callConnection.hangUp(true);
await disconnected;

console.log(
  JSON.stringify({
    call: callConnectionProperties.callConnectionId,
    state: properties.callConnectionState,
    target: properties.targetParticipants[0].phoneNumber,
    operationContext,
    closeCode,
    events,
    kinds,
    metadata,
    tracks: Object.fromEntries(
      [...tracks].map(([name, { hash, ...rest }]) => [name, { ...rest, sha256: hash.digest("hex") }]),
    ),
  }),
);
streams.close();
http.close();
http.closeAllConnections();
