// The other party of a call: a communication user in this browser, who answers and hangs up.
// ../browser.md says how to run it. The token is kept in memory only.

import { CallClient } from "@azure/communication-calling";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";

const form = document.querySelector("form");
const token = document.querySelector("#token");
const state = document.querySelector("#state");
const answer = document.querySelector("#answer");
const hangUp = document.querySelector("#hang-up");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await waitForCalls(token.value.trim());
    token.value = "";
    form.hidden = true;
    show("Waiting for a call");
  } catch (error) {
    show(`Not connected: ${error.message}`);
  }
});

async function waitForCalls(accessToken) {
  const client = new CallClient();
  const devices = await client.getDeviceManager();
  const permission = await devices.askDevicePermission({ audio: true, video: false });
  if (!permission.audio) throw new Error("the browser may not use the microphone");
  const credential = new AzureCommunicationTokenCredential(accessToken);
  const agent = await client.createCallAgent(credential, { displayName: "Browser" });
  agent.on("incomingCall", ({ incomingCall }) => ring(incomingCall));
}

function ring(incomingCall) {
  show("A call comes in");
  answer.hidden = false;
  answer.onclick = async () => {
    answer.hidden = true;
    try {
      follow(await incomingCall.accept());
    } catch (error) {
      show(`Not answered: ${error.message}`);
    }
  };
  incomingCall.on("callEnded", () => {
    answer.hidden = true;
    show("The call was not answered in time, or is over");
  });
}

function follow(call) {
  const update = () => {
    show(call.state);
    hangUp.hidden = call.state === "Disconnected";
  };
  hangUp.onclick = () => call.hangUp();
  call.on("stateChanged", update);
  update();
}

function show(text) {
  state.textContent = text;
}
