// Asking: the answer first, then what carries it. `now`, `courier` and the rest come from tasks.js.

const state = () => ({ photo: now.photo, caption: "", edited: now.edited, regions: now.regions, hiddenWords: [],
  hiddenRegions: [], headsOff: [] });

const WAIT = "Hiding each region and word alone…";

async function ask(name, question, fields = {}) {
  const all = { ...question, ...fields };
  try {
    return await courier.about(name, state(), all);
  } catch (problem) {
    if (problem.kind !== "AdapterGoneError" || !(await adapters.again(question.adapter))) throw problem;
    return courier.about(name, state(), all);
  }
}

async function submit() {
  if (!ready || !now.photo || !(await knowAdapters())) return;
  const adapter = adapters.key(now.mode);
  if (now.unseen) {
    notices.clear();
    look(); // which asks by itself afterwards
  }
  if (!now.regions || !adapter) return;
  notices.clear();
  sequence += 1;
  const mine = sequence;
  const { mode } = now;
  const { text, answers, rationales } = now.texts[mode];
  const question = { task: mode, adapter, text, ...(mode === "choose" ? { answers: [...answers], rationales: [...rationales] } : {}) };
  const current = () => mine === sequence;
  part("studio").classList.add("asking");
  try {
    const answer = await ask("answer", question);
    if (!current()) return;
    now.light = FIRST_LIGHT[mode];
    now.results[mode] = { question, answer, carried: null, looks: null, maps: {}, map: null, reason: null, picked: answer.best,
      best: mode === "point" ? answer.rows[0].number : answer.best,
      wait: WAIT };
    redraw();
    speak(answer.spoken);
    part("studio").dataset.answered = String(mine);
    if (mode === "choose") await reasons(now.results[mode], current);
    if (current()) await carry(now.results[mode], mode, current);
  } catch (problem) {
    if (!current()) return;
    if (now.results[mode]) now.results[mode].wait = "";
    redraw();
    notices.complain(problem.message, isPassing(problem) ? submit : null);
  } finally {
    if (current()) part("studio").classList.remove("asking");
  }
}

// Whether it is known which adapters there are; where it is not yet, the studio is asked.
async function knowAdapters() {
  try {
    if (!adapters.known) await adapters.refresh();
  } catch (problem) {
    notices.complain(problem.message, submit);
  }
  return adapters.known;
}

const answerOf = (result, mode) => (mode === "ask" ? result.answer.rows[0].answer : mode === "point" ? result.best : result.picked);

async function carry(result, mode, current) {
  const carried = await ask("carried", result.question, { answer: answerOf(result, mode) });
  if (!current() || now.results[mode] !== result) return;
  result.carried = carried;
  result.wait = "";
  redraw();
}

async function reasons(result, current) {
  const reason = await ask("answer", result.question, { picked: result.picked });
  if (!current()) return;
  result.reason = reason;
  redraw();
}

// The visitor wants reasons for another answer than the model's.
async function pick(index) {
  const result = now.results.choose;
  if (!result || result.picked === index) return;
  sequence += 1;
  const mine = sequence;
  Object.assign(result, { picked: index, reason: null, carried: null, looks: null, maps: {}, map: null, wait: WAIT });
  now.light = "carried";
  redraw();
  try {
    await reasons(result, () => mine === sequence);
    await carry(result, "choose", () => mine === sequence);
  } catch (problem) {
    if (mine !== sequence) return;
    result.wait = "";
    redraw();
    notices.complain(problem.message);
  }
}

async function showLooks(region = null) {
  const result = now.result;
  const { mode } = now;
  if (!result) return;
  now.light = "looks";
  try {
    result.looks ??= await ask("looks", result.question, { answer: mode === "ask" ? 0 : answerOf(result, mode) });
  } catch (problem) {
    notices.complain(problem.message);
    return;
  }
  if (now.result !== result || now.light !== "looks") return;
  const place = result.looks.elements.findIndex((e) => e.kind === "region" && e.index === region);
  now.element = place < 0 ? result.looks.answer : place;
  redraw();
}

const lookFrom = (region) => showLooks(region);
