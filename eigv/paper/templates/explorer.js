"use strict";
// The data: {title, about, clips, types: [name], videos: [{id, times, ratio, file?, spans?: [[start, end]]}], runs: [{name, path, accuracy}],
// questions: [{id, video, type, text, candidates?, answer, gold?: [[clip, start, end]], spans?, runs: [{prediction, right, confidence, scores, causal?, chances?, spans?, posthoc?: {explainer: [clip]}}]}]}
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const colours = ["--run0", "--run1", "--run2", "--run3"].map((name) => `var(${name})`);
const ROW = 56; // the height of an item of the list, as in the style sheet
// Clips are numbered from 0, as in predictions.csv and by `eigv ask`.

/** An element with attributes and children; text is never read as HTML. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") Object.assign(element.style, value);
    else if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const wanted = { text: "", types: new Set(), verdicts: data.runs.map(() => "any"), low: 0, high: 1, order: "file" };
let shown = [];
let selected = null;

const haystacks = data.questions.map((q) =>
  [q.text, ...(q.candidates || [q.answer]), data.videos[q.video].id, q.id].join(" ").toLowerCase());

function matches(question, number) {
  if (wanted.types.size && !wanted.types.has(question.type)) return false;
  for (let r = 0; r < data.runs.length; r++) {
    if (wanted.verdicts[r] !== "any" && question.runs[r].right !== (wanted.verdicts[r] === "right")) return false;
  }
  const confidence = question.runs[0].confidence;
  if (confidence < wanted.low || confidence > wanted.high) return false;
  return !wanted.text || haystacks[number].includes(wanted.text);
}

function filter() {
  shown = data.questions.map((_, number) => number).filter((number) => matches(data.questions[number], number));
  const sure = (number) => data.questions[number].runs[0].confidence;
  if (wanted.order === "sure") shown.sort((a, b) => sure(b) - sure(a));
  if (wanted.order === "unsure") shown.sort((a, b) => sure(a) - sure(b));
  const shares = data.runs.map((run, r) => {
    const right = shown.filter((number) => data.questions[number].runs[r].right).length;
    return shown.length ? `${run.name} ${(100 * right / shown.length).toFixed(1)} %` : null;
  });
  find("count").textContent = `${shown.length.toLocaleString("en")} of ${data.questions.length.toLocaleString("en")} questions` +
    (shown.length ? `; right: ${shares.join(", ")}` : "");
  find("runway").style.height = `${shown.length * ROW}px`;
  find("list").scrollTop = 0;
  drawList();
}

/** Only the rows in sight are in the page. */
function drawList() {
  const list = find("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 5);
  const rows = [];
  for (let place = first; place < last; place++) {
    const question = data.questions[shown[place]];
    const marks = question.runs.map((run, r) => make("span",
      { className: `mark ${run.right ? "right" : "wrong"}`, title: data.runs[r].name }, run.right ? "✓" : "✗"));
    rows.push(make("div", {
      className: "item", role: "option", "aria-selected": String(shown[place] === selected),
      id: `item-${shown[place]}`, onclick: () => open(shown[place]), style: { top: `${place * ROW}px` },
    },
    make("div", { className: "question" }, question.text),
    make("div", { className: "under" }, ...marks,
      `${data.types[question.type]} · ${(100 * question.runs[0].confidence).toFixed(0)} % · ${data.videos[question.video].id}`)));
  }
  find("runway").replaceChildren(...rows);
}

function open(number) {
  selected = number;
  const question = data.questions[number];
  const video = data.videos[question.video];
  history.replaceState(null, "", `#${encodeURIComponent(question.id)}`);
  const parts = [
    make("h2", {}, question.text),
    make("p", { className: "meta" }, `${data.types[question.type]} · video ${video.id} · question `,
      make("a", { href: `#${encodeURIComponent(question.id)}`, title: "A link to this question" }, question.id)),
    drawStrip(question, video),
    ...drawPlayer(question, video),
  ];
  parts.push(...drawGold(question));
  question.runs.forEach((run, r) => parts.push(...drawBars(run, r), ...drawPostHoc(run, r, video)));
  parts.push(make("div", { className: "runs" }, ...question.runs.map((run, r) => drawRun(question, run, r))));
  find("detail").replaceChildren(...parts);
  find("detail").scrollTop = 0;
  drawList();
}

/** The frames of the video, each framed once for every run that rests on it. */
function drawStrip(question, video) {
  const sheet = find(`strip-${question.video}`);
  if (!sheet) return make("p", { className: "empty" }, "No pictures: the video could not be read.");
  const source = `url(data:image/jpeg;base64,${sheet.textContent.trim()})`;
  return make("div", { className: "strip" }, ...video.times.map((seconds, k) => {
    const picture = make("div", { className: "picture", style: {
      aspectRatio: String(video.ratio), backgroundImage: source,
      backgroundSize: `${100 * data.clips}% 100%`, backgroundPosition: `${data.clips > 1 ? 100 * k / (data.clips - 1) : 0}% 0`,
    } });
    const frames = question.runs.map((run, r) => run.causal && run.causal.includes(k)
      ? make("div", { className: "frame", style: { inset: `${5 * r}px`, borderColor: colours[r] } }) : null);
    const box = make("div", { style: { position: "relative" } }, picture, ...frames);
    const name = make("time", {}, `${seconds.toFixed(1)} s`);
    if (!video.file) return make("div", { className: "clip" }, box, name);
    const clip = { className: "clip", type: "button", title: `play clip ${k}`, onclick: () => play(video, [k]) };
    return make("button", clip, box, name);
  }));
}

/** Below the strip of a video that lies beside the page: a player, and a button for each run to play what it rests on. */
function drawPlayer(question, video) {
  if (!video.file) return [];
  const buttons = question.runs.map((run, r) => run.causal && run.causal.length ? make("button",
    { type: "button", className: "play", style: { borderColor: colours[r] }, onclick: () => play(video, run.causal) },
    `Play what ${data.runs[r].name} rests on`) : null);
  return [make("div", { className: "row player" }, make("div", { className: "chips" }, ...buttons.filter(Boolean))),
    make("div", { id: "player" })];
}

/** Plays clips of a video one after the other, again and again. */
function play(video, clips) {
  const player = make("video", { muted: true, controls: true, autoplay: true, playsInline: true,
    src: video.file.split("/").map(encodeURIComponent).join("/") });
  const said = make("p", { className: "meta" }, `clip ${clips.join(", ")}`);
  let at = 0;
  const go = (place) => { at = place; player.currentTime = video.spans[clips[at]][0]; };
  player.addEventListener("loadedmetadata", () => go(0));
  player.addEventListener("timeupdate", () => {
    if (player.seeking || player.paused || player.currentTime < video.spans[clips[at]][1]) return;
    go((at + 1) % clips.length);
  });
  player.addEventListener("ended", () => { go((at + 1) % clips.length); player.play(); });
  player.addEventListener("error", () => { said.textContent = `The browser cannot play ${video.file}.`; });
  find("player").replaceChildren(player, said);
}

/** The questions that are shown, as CSV; a text that a spreadsheet would take for a formula gets an apostrophe. */
function asCsv() {
  const cell = (value) => {
    const text = String(value ?? "");
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const columns = ["prediction", "right", "confidence", "seconds"];
  const names = data.runs.flatMap((run) => columns.map((column) => `${column}: ${run.path}`));
  const rows = shown.map((number) => {
    const q = data.questions[number];
    const word = (answer) => q.candidates ? q.candidates[answer] : answer;
    const runs = q.runs.flatMap((run) => [word(run.prediction), Number(run.right), run.confidence, run.spans || ""]);
    return [q.id, data.videos[q.video].id, data.types[q.type], q.text, word(q.answer), q.spans || "", ...runs];
  });
  const head = ["qid", "video_id", "type", "question", "answer", "gold", ...names];
  return [head, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function save() {
  const place = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
  make("a", { href: place, download: "questions.csv" }).click();
  URL.revokeObjectURL(place);
}

/** Under each clip, as far as its frames lie in the seconds that hold the answer. */
function drawGold(question) {
  if (!question.gold) return [];
  const cells = Array.from({ length: data.clips }, (_, k) => make("div", {}, ...question.gold.filter(([clip]) => clip === k)
    .map(([, start, end]) => make("i", { style: { left: `${100 * start}%`, width: `${100 * (end - start)}%` } }))));
  return [
    make("div", { className: "gold-bar" }, ...cells),
    make("p", { className: "bars-title" }, `gold: ${question.spans} s`),
  ];
}

/** The probability of each clip of being causal, as a distance from one half. */
function drawBars(run, r) {
  if (!run.chances) return [];
  const reach = Math.max(0.02, ...run.chances.map((chance) => Math.abs(chance - 0.5)));
  const bars = run.chances.map((chance, k) => {
    const share = 50 * (chance - 0.5) / reach;
    const bar = make("i", { style: {
      height: `${Math.abs(share)}%`, [share >= 0 ? "bottom" : "top"]: "50%",
      background: run.causal.includes(k) ? colours[r] : "",
    } });
    return make("div", { className: "bar", title: `clip ${k}: ${chance.toFixed(3)}` }, bar);
  });
  const range = `${(0.5 - reach).toFixed(2)} to ${(0.5 + reach).toFixed(2)}`;
  return [
    make("div", { className: "bars" }, ...bars),
    make("p", { className: "bars-title" }, `${data.runs[r].name}: probability of each clip of being causal, ${range}`),
  ];
}

/** The clips that each post-hoc explainer of the run's model selects, as many as its indicator; they play too. */
function drawPostHoc(run, r, video) {
  return Object.entries(run.posthoc || {}).flatMap(([explainer, clips]) => {
    const name = `${data.runs[r].name}, post hoc: ${explainer}`;
    const cells = Array.from({ length: data.clips }, (_, k) => make("div", {}, clips.includes(k)
      ? make("i", { style: { background: colours[r] }, title: `clip ${k}` }) : ""));
    const title = video.file && clips.length
      ? make("button", { type: "button", className: "play", onclick: () => play(video, clips) }, `Play ${name}`) : name;
    return [make("div", { className: "post-hoc-bar" }, ...cells), make("p", { className: "bars-title" }, title)];
  });
}

function drawRun(question, run, r) {
  const texts = question.candidates || run.scores.map(([text]) => text);
  const rows = texts.map((text, n) => {
    const score = question.candidates ? run.scores[n] : run.scores[n][1];
    const predicted = question.candidates ? n === run.prediction : text === run.prediction;
    return answerRow(text, score, predicted, question.candidates ? n === question.answer : text === question.answer, r);
  });
  if (!question.candidates && !texts.includes(question.answer)) rows.push(answerRow(question.answer, null, false, true, r));
  const rationale = run.causal
    ? (run.causal.length ? `Rests on ${run.causal.length} of ${data.clips} clips: ${run.spans} s` : "Rests on no clip.")
    : "This method gives no rationale.";
  return make("section", { className: "run", style: { borderTopColor: colours[r] } },
    make("h3", {}, make("span", { className: `mark ${run.right ? "right" : "wrong"}` }, run.right ? "✓" : "✗"), data.runs[r].name),
    make("p", { className: "meta" }, data.runs[r].path),
    ...rows,
    make("p", { className: "rationale" }, rationale));
}

function answerRow(text, score, predicted, gold, r) {
  return make("div", { className: "answer" },
    make("span", {}, predicted ? make("b", {}, text) : text,
      gold ? make("span", { className: "tag gold" }, "gold") : null,
      predicted ? make("span", { className: "tag predicted" }, "predicted") : null),
    make("span", { className: "score" }, make("i", { style: { width: `${100 * (score || 0)}%`, background: colours[r] } })),
    make("span", { className: "number" }, score === null ? "–" : `${(100 * score).toFixed(1)} %`));
}

function step(by) {
  if (!shown.length) return;
  reveal(Math.min(shown.length - 1, Math.max(0, shown.indexOf(selected) + by)));
}

/** Opens the question at a place of the list, and brings it into sight there. */
function reveal(place) {
  const list = find("list");
  if (place * ROW < list.scrollTop) list.scrollTop = place * ROW;
  if ((place + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (place + 1) * ROW - list.clientHeight;
  open(shown[place]);
}

function drawFilters() {
  const counts = data.types.map((_, type) => data.questions.filter((q) => q.type === type).length);
  find("types").replaceChildren(...data.types.map((name, type) => make("button", {
    type: "button", "aria-pressed": String(wanted.types.has(type)), onclick: () => {
      wanted.types.has(type) ? wanted.types.delete(type) : wanted.types.add(type);
      drawFilters();
      filter();
    },
  }, `${name} ${counts[type].toLocaleString("en")}`)));
  find("verdicts").replaceChildren(...data.runs.map((run, r) => make("fieldset", {},
    make("legend", {}, run.name),
    make("div", { className: "chips" }, ...["any", "right", "wrong"].map((verdict) => make("button", {
      type: "button", id: `verdict-${r}-${verdict}`, "aria-pressed": String(wanted.verdicts[r] === verdict), onclick: () => {
        wanted.verdicts[r] = verdict;
        drawFilters();
        filter();
      },
    }, verdict))))));
}

/** The number of the question that the address names; -1 where it names none. */
function linked() {
  let said = location.hash.slice(1);
  try {
    said = decodeURIComponent(said);
  } catch {
    // Written by hand: it is taken as it stands.
  }
  return data.questions.findIndex((q) => q.id === said);
}

/** Opens a question that a link names, though the filters may leave it out. */
function follow(number) {
  const place = shown.indexOf(number);
  place < 0 ? open(number) : reveal(place);
}

function start() {
  find("title").textContent = data.title;
  find("about").textContent = data.about;
  find("confidence-of").textContent = data.runs[0].name;
  find("search").addEventListener("input", (event) => { wanted.text = event.target.value.trim().toLowerCase(); filter(); });
  find("low").addEventListener("input", (event) => { wanted.low = Number(event.target.value) / 100; filter(); });
  find("high").addEventListener("input", (event) => { wanted.high = Number(event.target.value) / 100; filter(); });
  find("order").addEventListener("change", (event) => { wanted.order = event.target.value; filter(); });
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("reset", () => {
    Object.assign(wanted, { text: "", types: new Set(), verdicts: data.runs.map(() => "any"), low: 0, high: 1, order: "file" });
    drawFilters();
    filter();
  });
  find("list").addEventListener("scroll", drawList);
  window.addEventListener("resize", drawList);
  document.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    if (!by || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
    event.preventDefault();
    step(by);
  });
  drawFilters();
  filter();
  find("save").addEventListener("click", save);
  window.addEventListener("hashchange", () => { if (linked() >= 0) follow(linked()); });
  if (data.questions.length) follow(Math.max(0, linked()));
}

start();
