// Makes one call with Microsoft's JavaScript client, receives its media stream and prints what came.
// Usage: node call.js CONNECTION_STRING CHANNELS AUDIO_FORMAT SECONDS_OF_AUDIO

import { once } from "node:events";

import { CallAutomationClient } from "@azure/communication-call-automation";

import { Receiver } from "./receiver.js";

const [connectionString, audioChannelType, audioFormat, seconds] = process.argv.slice(2);
const receiver = new Receiver(Number(seconds));
const { arrivals } = receiver;
const address = await receiver.listen();
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
const [closeCode] = await receiver.closed;
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
    ...receiver.describe(),
  }),
);
receiver.close();
