"use strict";

// The page of one conversation. It lives in this tab only; the server keeps nothing of it.
const element = (id) => document.getElementById(id);
const chat = element("chat");
const input = element("input");
const messages = [];
let running = null;

function headers() {
  const key = element("key").value.trim();
  const all = { "Content-Type": "application/json" };
  if (key) all.Authorization = "Bearer " + key;
  return all;
}

/** Adds a bubble and returns its parts. */
function bubble(role) {
  element("welcome")?.remove();
  const box = document.createElement("article");
  box.className = "message " + role;
  const text = document.createElement("div");
  text.className = "text";
  const facts = document.createElement("div");
  facts.className = "facts";
  box.append(text, facts);
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

function requestBody() {
  const body = { messages: conversation(), stream: true, stream_options: { include_usage: true } };
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

async function answer() {
  const { box, text, facts } = bubble("assistant");
  const started = performance.now();
  let firstToken = 0;
  let content = "";
  let usage = null;
  let failure = null;
  running = new AbortController();
  showRunning(true);
  try {
    const response = await fetch("/v1/chat/completions", {
      method: "POST",
      headers: headers(),
      body: JSON.stringify(requestBody()),
      signal: running.signal,
    });
    if (!response.ok) throw new Error(await failureOf(response));
    await readEvents(response, (event) => {
      if (event.error) failure = event.error.message;
      const piece = event.choices?.[0]?.delta?.content ?? "";
      if (piece) {
        firstToken ||= performance.now();
        const follow = nearEnd();
        content += piece;
        text.textContent = content;
        if (follow) chat.scrollTop = chat.scrollHeight;
      }
      usage = event.usage ?? usage;
    });
    if (failure) throw new Error(failure);
  } catch (error) {
    if (error.name !== "AbortError") {
      box.classList.add("error");
      text.textContent = content ? content + "\n" + error.message : error.message;
      failure = error.message;
    }
  } finally {
    running = null;
    showRunning(false);
  }
  if (content && !failure) {
    messages.push({ role: "assistant", content });
    showFacts(facts, usage, started, firstToken, messages.length);
  } else if (!content) {
    input.value ||= messages.pop()?.content ?? ""; // nothing was said: the question can be sent again
  }
  showLoad();
}

function showFacts(facts, usage, started, firstToken, end) {
  const now = performance.now();
  const parts = [];
  if (usage) {
    const seconds = (now - firstToken) / 1000;
    const rate = seconds > 0 ? (usage.completion_tokens - 1) / seconds : 0;
    parts.push(`${usage.completion_tokens} tokens`, `${rate.toFixed(1)} t/s`);
    parts.push(`first after ${((firstToken - started) / 1000).toFixed(2)} s`);
    const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
    parts.push(`prompt ${usage.prompt_tokens} (${cached} shared)`);
    if (usage.kv_bytes) parts.push(`cache ${(usage.kv_bytes / 1e6).toFixed(1)} MB`);
  } else {
    parts.push("stopped");
  }
  for (const part of parts) {
    const span = document.createElement("span");
    span.textContent = part;
    facts.append(span);
  }
  const map = document.createElement("button");
  map.type = "button";
  map.textContent = "Attention";
  map.addEventListener("click", () => openMap(conversation().slice(0, end + (element("system").value.trim() ? 1 : 0))));
  facts.append(map);
}

let mapped = [];
let mapUrl = "";

async function openMap(conversationUpToHere) {
  mapped = conversationUpToHere;
  element("map").showModal();
  await drawMap();
}

async function drawMap() {
  const image = element("map-image");
  image.removeAttribute("src");
  const response = await fetch("/attention", {
    method: "POST",
    headers: headers(),
    body: JSON.stringify({
      messages: mapped,
      layer: Number(element("map-layer").value),
      head: Number(element("map-head").value),
    }),
  });
  if (!response.ok) {
    image.alt = await failureOf(response);
    return;
  }
  URL.revokeObjectURL(mapUrl);
  mapUrl = URL.createObjectURL(await response.blob());
  image.src = mapUrl;
}

function showRunning(isRunning) {
  element("send").hidden = isRunning;
  element("stop").hidden = !isRunning;
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
  bubble("user").text.textContent = text;
  chat.scrollTop = chat.scrollHeight;
  answer();
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
  input.style.height = input.scrollHeight + "px";
});
element("stop").addEventListener("click", () => running?.abort());
element("new-button").addEventListener("click", () => {
  running?.abort();
  messages.length = 0;
  chat.replaceChildren();
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
