// Play each participant's channel in the centre, and mute channels one by one.

export class ChannelMixer {
  #audio;
  #context = null;
  #source = null;
  #splitter = null;
  #gains = [];

  /** `audio` is the media element to play. */
  constructor(audio) {
    this.#audio = audio;
  }

  /** Connect the channels of a recording; one channel needs no mixer. */
  connect(channels) {
    if (channels < 2 && !this.#context) return;
    this.#context ??= new AudioContext();
    this.#source ??= this.#context.createMediaElementSource(this.#audio);
    this.#source.disconnect();
    this.#splitter?.disconnect();
    this.#splitter = this.#context.createChannelSplitter(channels);
    this.#source.connect(this.#splitter);
    this.#gains = [];
    for (let channel = 0; channel < channels; channel += 1) {
      const gain = this.#context.createGain();
      this.#splitter.connect(gain, channel);
      gain.connect(this.#context.destination);
      this.#gains.push(gain);
    }
  }

  setMuted(channel, isMuted) {
    const gain = this.#gains[channel];
    if (gain) gain.gain.value = isMuted ? 0 : 1;
  }

  /** Start the audio context: browsers allow it only after a user's gesture. */
  async resume() {
    await this.#context?.resume();
  }

  close() {
    this.#context?.close();
  }
}
