// OpenAI's TwilioRealtimeTransportLayer, unchanged, between a call and a scripted model socket in the same process.
// The "model" takes a tone for speech, answers each turn with ANSWER_MS of 660 Hz in G.711, and is interrupted by speech.
// Arguments: the port. Prints `turn N`, `interrupted`, `truncated MS`, `played N` (answers heard to their end), `audio
// FRAMES OCTETS` at the end of a call, and `complaint …` for each warning or error of the library.
import http from "node:http";
import { TwilioRealtimeTransportLayer } from "@openai/agents-extensions";
import { WebSocketServer } from "ws";

const port = Number(process.argv[2]);
const ANSWER_MS = 3000;
const DELTA_MS = 200;
const DOCUMENT = '<Response><Connect><Stream url="/media"/></Connect><Pause length="60"/></Response>';
for (const kind of ["warn", "error"]) {
  console[kind] = (...words) => console.log("complaint", ...words);
}

function mulaw(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32635) + 0x84;
  let exponent = 7;
  while (exponent > 0 && !(magnitude & (0x80 << exponent))) exponent -= 1;
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}

function delta(number) {
  const octets = Buffer.alloc(DELTA_MS * 8);
  for (let index = 0; index < octets.length; index += 1) {
    const instant = (number * octets.length + index) / 8000;
    octets[index] = mulaw(Math.round(Math.sin(2 * Math.PI * 660 * instant) * 9000));
  }
  return octets.toString("base64");
}

class Model {
  // One session of the scripted model: what the server side of OpenAI's protocol would send.
  constructor(socket) {
    this.socket = socket;
    this.octets = 0;
    this.turns = 0;
    this.loud = 0;
    this.quiet = 0;
    this.isSpeech = false;
    this.events = 0;
    this.timer = null;
    socket.on("message", (text) => this.received(JSON.parse(text)));
    socket.on("close", () => clearInterval(this.timer));
  }

  send(type, content) {
    this.events += 1;
    this.socket.send(JSON.stringify({ type, event_id: `event_${this.events}`, ...content }));
  }

  received(event) {
    if (event.type === "input_audio_buffer.append") {
      this.listen(Buffer.from(event.audio, "base64"));
    } else if (event.type === "conversation.item.truncate") {
      console.log("truncated", event.audio_end_ms);
    } else if (event.type === "response.cancel") {
      clearInterval(this.timer);
    }
  }

  listen(audio) {
    this.octets += audio.length;
    const isLoud = audio.some((octet) => (octet & 0x7f) < 0x50);
    this.loud = isLoud ? this.loud + audio.length : 0;
    this.quiet = isLoud ? 0 : this.quiet + audio.length;
    if (!this.isSpeech && this.loud >= 800) {
      this.isSpeech = true;
      const content = { item_id: `heard_${this.turns}`, audio_start_ms: this.octets / 8 };
      this.send("input_audio_buffer.speech_started", content);
    } else if (this.isSpeech && this.quiet >= 3200) {
      this.isSpeech = false;
      const content = { item_id: `heard_${this.turns}`, audio_end_ms: this.octets / 8 };
      this.send("input_audio_buffer.speech_stopped", content);
      this.answer();
    }
  }

  answer() {
    this.turns += 1;
    console.log("turn", this.turns);
    const response_id = `response_${this.turns}`;
    const common = { response_id, item_id: `item_${this.turns}`, output_index: 0, content_index: 0 };
    this.send("response.created", { response: { id: response_id, status: "in_progress" } });
    let number = 0;
    this.timer = setInterval(() => {
      if (number * DELTA_MS < ANSWER_MS) {
        this.send("response.output_audio.delta", { ...common, delta: delta(number) });
        number += 1;
        return;
      }
      clearInterval(this.timer);
      this.send("response.output_audio.done", common);
      this.send("response.done", { response: { id: response_id, status: "completed" } });
    }, 20); // ten times faster than it is spoken, as models do
  }
}

const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "text/xml");
  response.end(DOCUMENT);
});
const calls = new WebSocketServer({ noServer: true });
const models = new WebSocketServer({ noServer: true });
let model = null;
server.on("upgrade", (request, socket, head) => {
  const side = request.url.startsWith("/media") ? calls : models;
  side.handleUpgrade(request, socket, head, (opened) => side.emit("connection", opened));
});
models.on("connection", (socket) => {
  model = new Model(socket);
});
calls.on("connection", async (socket) => {
  const transport = new TwilioRealtimeTransportLayer({ twilioWebSocket: socket });
  let frames = 0;
  let played = 0;
  transport.on("error", (error) => console.log("complaint", JSON.stringify(error)));
  transport.on("audio_interrupted", () => console.log("interrupted"));
  transport.on("*", (event) => {
    if (event.type !== "twilio_message") return;
    const { message } = event;
    if (message.event === "media" && transport.status === "connected") frames += 1;
    if (message.event === "mark" && message.mark.name.startsWith("done:") && !message.mark.cleared) {
      played += 1;
      console.log("played", played);
    }
  });
  socket.on("close", (code) => console.log("audio", frames, model.octets, code));
  await transport.connect({ apiKey: "none", url: `ws://127.0.0.1:${port}/model` });
});
server.listen(port, "127.0.0.1", () => console.log("listens"));
