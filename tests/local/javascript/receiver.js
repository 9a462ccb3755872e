// Receives the callback events and the media stream of one call, with the parsers of Microsoft's JavaScript client.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { once, EventEmitter } from "node:events";

import { StreamingData, parseCallAutomationEvent } from "@azure/communication-call-automation";
import { WebSocketServer } from "ws";

const FRAMES_PER_SECOND = 50;

/** `arrivals` emits each event's kind with the event, and `audio` when a track has that many seconds of audio. */
export class Receiver {
  arrivals = new EventEmitter();
  events = [];
  kinds = {};
  metadata = null;
  /** The promise of the media socket's close event. */
  closed = null;
  #tracks = new Map();
  #seconds;
  #http = createServer((request, response) => this.#receiveEvents(request, response));
  #streams = new WebSocketServer({ server: this.#http, path: "/media" });

  constructor(seconds) {
    this.#seconds = seconds;
    this.#streams.on("connection", (socket) => {
      this.closed = once(socket, "close");
      socket.on("message", (message, isBinary) => {
        try {
          this.#receivePacket(message, isBinary);
        } catch (error) {
          console.error(`${error.message}: ${message}`);
          process.exit(1);
        }
      });
    });
  }

  /** Start to listen; return the address. */
  async listen() {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    return `127.0.0.1:${this.#http.address().port}`;
  }

  close() {
    this.#streams.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }

  /** What has been received: kinds of events and packets, metadata and tracks. */
  describe() {
    const tracks = [...this.#tracks].map(([name, { hash, ...rest }]) => [
      name,
      { ...rest, sha256: hash.digest("hex") },
    ]);
    const { events, kinds, metadata } = this;
    return { events, kinds, metadata, tracks: Object.fromEntries(tracks) };
  }

  async #receiveEvents(request, response) {
    let body = "";
    for await (const part of request) body += part;
    for (const event of JSON.parse(body)) {
      const parsed = parseCallAutomationEvent(event);
      this.events.push(parsed.kind);
      this.arrivals.emit(parsed.kind, parsed);
    }
    response.end();
  }

  #receivePacket(message, isBinary) {
    // Its parser takes text as a string, and bytes as a buffer.
    const packet = StreamingData.parse(isBinary ? message : message.toString());
    const kind = StreamingData.getStreamingKind();
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
    if (kind === "AudioMetadata") this.metadata = packet;
    else if (kind === "AudioData") this.#receiveAudio(packet);
  }

  #receiveAudio(packet) {
    const name = nameOf(packet.participant);
    const track = this.#tracks.get(name) ?? { frames: 0, silent: 0, hash: createHash("sha256") };
    track.hash.update(Buffer.from(packet.data, "base64"));
    track.frames += 1;
    track.silent += packet.isSilent ? 1 : 0;
    track.first ??= packet.timestamp;
    this.#tracks.set(name, track);
    if (track.frames === this.#seconds * FRAMES_PER_SECOND) this.arrivals.emit("audio");
  }
}

/** An identifier of Microsoft's client as text. */
export function nameOf(identifier) {
  return (
    identifier?.phoneNumber ??
    identifier?.communicationUserId ??
    identifier?.microsoftTeamsUserId ??
    identifier?.id ??
    "mixed"
  );
}
