// Show /v1/overview, again every two seconds while the page is seen. What comes from functions is only ever set as text.
"use strict";

const KEY = "pywasm-token";
const PERIOD = 2000;
const part = (id) => document.getElementById(id);
let timer = 0;

function start() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(KEY, given);
    // The token is not to stay in the address bar and the history.
    history.replaceState(null, "", location.pathname);
  }
  part("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, part("token").value.trim());
    part("token").value = "";
    refresh();
  });
  part("leave").addEventListener("click", () => ask(""));
  document.addEventListener("visibilitychange", refresh);
  refresh();
}

function ask(why) {
  sessionStorage.removeItem(KEY);
  clearTimeout(timer);
  show(false);
  part("state").textContent = "a token is needed";
  part("refused").textContent = why;
  part("token").focus();
}

function show(known) {
  part("enter").hidden = known;
  part("shown").hidden = !known;
  part("leave").hidden = !known;
  if (!known) part("who").textContent = "";
}

async function refresh() {
  clearTimeout(timer);
  const token = sessionStorage.getItem(KEY);
  if (!token) return ask("");
  if (document.hidden) return;
  try {
    const answer = await fetch("/v1/overview", { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
    const content = await answer.json();
    // While this waited, another token may have been given.
    if (token !== sessionStorage.getItem(KEY)) return;
    if (answer.status === 401) return ask(content.error.message);
    if (!answer.ok) throw new Error(content.error.message);
    draw(content);
    part("state").textContent = `up to date at ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    part("state").textContent = `not up to date: ${error.message}`;
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, PERIOD);
}

function draw(content) {
  part("who").textContent = content.caller + (content.admin ? " (admin: all users)" : "");
  part("numbers").replaceChildren(
    number("Running", content.running),
    number("Waiting", content.waiting),
    number("Queued", content.queued),
    number("Workers", content.workers),
    number("Median", duration(content.timings.median)),
    number("99 of 100 within", duration(content.timings.p99)),
    number("Calls timed", content.timings.count),
  );
  rows("calls", content.calls, callRow, "No calls yet.", 8);
  rows("functions", content.functions, functionRow, "No functions yet.", 7);
  show(true);
}

function rows(id, items, row, none, columns) {
  const made = items.map((item) => element("tr", "", "", row(item)));
  if (!made.length) {
    const cell = element("td", none, "");
    cell.colSpan = columns;
    made.push(element("tr", "", "", [cell]));
  }
  part(id).replaceChildren(...made);
}

function callRow(call) {
  const ended = call.outcome;
  const all = call.ended === null ? null : call.ended - call.created;
  return [
    element("td", `${call.user}/${call.function}@${call.version}`, ""),
    element("td", call.entry, ""),
    element("td", call.attempt > 1 ? `${call.state}, attempt ${call.attempt}` : call.state, call.state),
    element("td", time(call.started ?? call.created), ""),
    element("td", duration(ended && ended.seconds), "number"),
    element("td", duration(all), "number"),
    element("td", ended && ended.failure ? `${ended.failure}: ${ended.error}` : "", "text"),
    element("td", call.id, "id"),
  ];
}

function functionRow(version) {
  return [
    element("td", `${version.user}/${version.name}`, ""),
    element("td", version.version, "number"),
    element("td", version.entry, ""),
    element("td", time(version.created), ""),
    element("td", `${Math.round(version.limits.memory_bytes / 1048576)} MiB`, "number"),
    element("td", `${version.limits.wall_seconds} s`, "number"),
    element("td", version.no_image ? `imports anew: ${version.no_image}` : "yes", "text"),
  ];
}

function number(name, value) {
  return element("div", "", "", [element("dt", name, ""), element("dd", value, "")]);
}

function element(kind, text, style, children = []) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (style) made.className = style;
  made.append(...children);
  return made;
}

function time(seconds) {
  return new Date(seconds * 1000).toLocaleString();
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(2)} ms`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(0)} ms`;
  return `${seconds.toFixed(seconds < 100 ? 1 : 0)} s`;
}

start();
