"use strict";

// The page of one conversation. It lives in this tab only; the server keeps nothing of it.
const element = (id) => document.getElementById(id);
const chat = element("chat");
const input = element("input");
let messages = []; // a new chat is a new list: an answer still under way keeps the old one
let running = null;

function headers() {
  const key = element("key").value.trim();
  const all = { "Content-Type": "application/json" };
  if (key) all.Authorization = "Bearer " + key;
  return all;
}

/** Adds a bubble and returns its parts. */
function bubble(role) {
  element("welcome").hidden = true;
  const box = document.createElement("article");
  box.className = "message " + role;
  const text = document.createElement("div");
  text.className = "text";
  const facts = document.createElement("div");
  facts.className = "facts";
  box.append(text);
  if (role === "assistant") box.append(facts);
  chat.append(box);
  return { box, text, facts };
}

function nearEnd() {
  return chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
}

function conversation() {
  const system = element("system").value.trim();
  return system ? [{ role: "system", content: system }, ...messages] : [...messages];
}

function requestBody(asked) {
  const body = { messages: asked, stream: true, stream_options: { include_usage: true } };
  const numbers = { temperature: "temperature", top_p: "top-p", max_tokens: "max-tokens", seed: "seed" };
  for (const [field, id] of Object.entries(numbers)) {
    const value = element(id).value;
    if (value !== "") body[field] = Number(value);
  }
  return body;
}

/** Calls `take` with each event of a stream of server-sent events. */
async function readEvents(response, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    pending += value;
    const blocks = pending.split("\n\n");
    pending = blocks.pop();
    for (const block of blocks) {
      if (block.startsWith("data: ") && block !== "data: [DONE]") take(JSON.parse(block.slice(6)));
    }
  }
}

async function failureOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return "HTTP " + response.status;
  }
}

/** Shows an answer as far as it came, what was thought before it faintly. */
function showContent(text, content) {
  const open = "<think>";
  const close = "</think>";
  const begins = content.trimStart().startsWith(open);
  const end = content.indexOf(close);
  if (!begins && end < 0) {
    text.textContent = content;
    return;
  }
  const from = begins ? content.indexOf(open) + open.length : 0;
  const thought = document.createElement("div");
  thought.className = "thought";
  thought.textContent = content.slice(from, end < 0 ? content.length : end).trim();
  text.replaceChildren(thought, end < 0 ? "" : content.slice(end + close.length).trimStart());
}

/** Asks for an answer and streams it into a bubble. Returns what came of it. */
async function stream(asked, text, signal) {
  const told = { content: "", usage: null, reason: null, failure: null, started: performance.now(), firstToken: 0 };
  try {
    const response = await fetch("/v1/chat/completions", {
      method: "POST",
      headers: headers(),
      body: JSON.stringify(requestBody(asked)),
      signal,
    });
    if (!response.ok) throw new Error(await failureOf(response));
    await readEvents(response, (event) => {
      if (event.error) throw new Error(event.error.message);
      const choice = event.choices?.[0];
      const piece = choice?.delta?.content ?? "";
      if (piece) {
        told.firstToken ||= performance.now();
        const follow = nearEnd();
        told.content += piece;
        showContent(text, told.content);
        if (follow) chat.scrollTop = chat.scrollHeight;
      }
      told.reason = choice?.finish_reason ?? told.reason;
      told.usage = event.usage ?? told.usage;
    });
    if (!told.reason) throw new Error("the connection was cut");
  } catch (error) {
    if (!signal.aborted) told.failure = error.message;
  }
  told.ended = performance.now();
  return told;
}

async function answer(question) {
  const mine = messages;
  const asked = conversation();
  const { box, text, facts } = bubble("assistant");
  chat.scrollTop = chat.scrollHeight;
  const abort = new AbortController();
  running = abort;
  showRunning();
  const told = await stream(asked, text, abort.signal);
  if (running === abort) {
    running = null;
    showRunning();
  }
  if (told.content) {
    mine.push({ role: "assistant", content: told.content });
    showFacts(facts, told, [...asked, { role: "assistant", content: told.content }]);
  } else if (told.reason) {
    mine.push({ role: "assistant", content: "" });
    facts.textContent = "nothing to say";
    text.hidden = true;
  } else { // nothing was said: the question can be sent again
    mine.pop();
    text.hidden = true;
    facts.textContent = told.failure ? "" : "stopped";
    question.classList.add("unanswered");
    if (mine === messages && !input.value) input.value = question.textContent;
  }
  if (told.failure) {
    const failure = document.createElement("div");
    failure.className = "failure";
    failure.setAttribute("role", "alert");
    failure.textContent = told.failure;
    box.append(failure);
  }
  if (nearEnd()) chat.scrollTop = chat.scrollHeight;
  showLoad();
}

function factsOf(told) {
  const usage = told.usage;
  if (!usage) return [told.failure ? "cut off" : "stopped"];
  const seconds = (told.ended - told.firstToken) / 1000;
  const rate = seconds > 0 ? (usage.completion_tokens - 1) / seconds : 0;
  const parts = [
    `${usage.completion_tokens} tokens`,
    `${rate.toFixed(1)} t/s`,
    `first after ${((told.firstToken - told.started) / 1000).toFixed(2)} s`,
    `prompt ${usage.prompt_tokens} (${usage.prompt_tokens_details?.cached_tokens ?? 0} shared)`,
  ];
  if (usage.kv_bytes) parts.push(`cache ${(usage.kv_bytes / 1e6).toFixed(1)} MB`);
  if (told.reason === "length") parts.push("cut off at the limit");
  return parts;
}

function showFacts(facts, told, upToHere) {
  for (const part of factsOf(told)) {
    const span = document.createElement("span");
    span.textContent = part;
    facts.append(span);
  }
  const map = document.createElement("button");
  map.type = "button";
  map.className = "map";
  map.textContent = "Attention";
  map.addEventListener("click", () => {
    mapped = upToHere;
    element("map").showModal();
    drawMap();
  });
  facts.append(map);
}

let mapped = [];
let mapUrl = "";

async function drawMap() {
  const image = element("map-image");
  const note = element("map-failure");
  const wanted = mapped;
  image.hidden = true;
  note.textContent = "…";
  let failure = "";
  try {
    const response = await fetch("/attention", {
      method: "POST",
      headers: headers(),
      body: JSON.stringify({
        messages: wanted,
        layer: Number(element("map-layer").value),
        head: Number(element("map-head").value),
      }),
    });
    if (response.ok) {
      URL.revokeObjectURL(mapUrl);
      mapUrl = URL.createObjectURL(await response.blob());
      image.src = mapUrl;
      image.hidden = false;
    } else {
      failure = await failureOf(response);
    }
  } catch (error) {
    failure = error.message;
  }
  note.textContent = failure;
}

function showRunning() {
  element("send").hidden = running !== null;
  element("stop").hidden = running === null;
  chat.setAttribute("aria-busy", String(running !== null));
}

async function showLoad() {
  try {
    const health = await (await fetch("/health")).json();
    element("model").textContent = health.model;
    const memory = (health.kv_bytes / 1e6).toFixed(1);
    element("load").textContent = `${health.running} running, ${health.waiting} waiting, KV ${memory} MB`;
  } catch {
    element("load").textContent = "server gone";
  }
}

function send() {
  const text = input.value.trim();
  if (!text || running) return;
  input.value = "";
  input.style.height = "";
  messages.push({ role: "user", content: text });
  const question = bubble("user").text;
  question.textContent = text;
  answer(question);
}

element("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
input.addEventListener("input", () => {
  input.style.height = "";
  input.style.height = input.scrollHeight + 2 + "px"; // its borders
});
element("stop").addEventListener("click", () => running?.abort());
element("new-button").addEventListener("click", () => {
  running?.abort();
  running = null;
  messages = [];
  const welcome = element("welcome");
  chat.replaceChildren(welcome);
  welcome.hidden = false;
  showRunning();
  input.focus();
});
element("settings-button").addEventListener("click", (event) => {
  const settings = element("settings");
  settings.hidden = !settings.hidden;
  event.target.setAttribute("aria-expanded", String(!settings.hidden));
});
element("map-layer").addEventListener("change", drawMap);
element("map-head").addEventListener("change", drawMap);
showLoad();
setInterval(showLoad, 5000);
