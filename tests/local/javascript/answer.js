// Answers one incoming call with Microsoft's JavaScript client, receives its media stream, leaves the call and prints
// what came.
// Usage: node answer.js CONNECTION_STRING INCOMING_CALL_CONTEXT SECONDS_OF_AUDIO

import { once } from "node:events";

import { CallAutomationClient } from "@azure/communication-call-automation";

import { Receiver, nameOf } from "./receiver.js";

const [connectionString, incomingCallContext, seconds] = process.argv.slice(2);
const receiver = new Receiver(Number(seconds));
const address = await receiver.listen();
const client = new CallAutomationClient(connectionString, { allowInsecureConnection: true });

const [connected, participants, audio] = ["CallConnected", "ParticipantsUpdated", "audio"].map((name) =>
  once(receiver.arrivals, name),
);
const { callConnection, callConnectionProperties } = await client.answerCall(
  incomingCallContext,
  `http://${address}/callbacks`,
  {
    operationContext: "javascript",
    mediaStreamingOptions: {
      transportUrl: `ws://${address}/media`,
      transportType: "websocket",
      contentType: "audio",
      audioChannelType: "unmixed",
      audioFormat: "pcm16KMono",
      startMediaStreaming: true,
    },
  },
);
const [{ operationContext }] = await connected;
const [{ participants: present }] = await participants;
await audio;
const properties = await callConnection.getCallConnectionProperties();
const disconnected = once(receiver.arrivals, "CallDisconnected");
await callConnection.hangUp(false);
await disconnected;
const [closeCode] = await receiver.closed;

console.log(
  JSON.stringify({
    call: callConnectionProperties.callConnectionId,
    state: properties.callConnectionState,
    participants: present.map(({ identifier }) => nameOf(identifier)),
    operationContext,
    closeCode,
    ...receiver.describe(),
  }),
);
receiver.close();
