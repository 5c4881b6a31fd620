// The lessons: a list, and one step at a time. Everything shown comes from the lesson files and the model's answers.

const PROGRESS = "vl-bert-studio lessons"; // name of the lesson -> steps done
const part = (name) => element.querySelector(`[data-part="${name}"]`);
const lessons = props.value;
let here = null; // { lesson, number, facts }
let turn = 0; // counts up with every step, so that a late answer of an earlier one is dropped
let done = readProgress();
let stopWatching = () => {}; // what a lesson shows of a run

function readProgress() {
  try {
    return JSON.parse(localStorage.getItem(PROGRESS)) || {};
  } catch {
    return {}; // nothing kept, or a browser that keeps nothing
  }
}

function keepProgress(lesson, steps) {
  done = { ...done, [lesson.name]: Math.max(done[lesson.name] || 0, steps) };
  try {
    localStorage.setItem(PROGRESS, JSON.stringify(done));
  } catch { /* a browser that keeps nothing */ }
  renderCount();
}

const isDone = (lesson) => (done[lesson.name] || 0) >= lesson.steps.length;

function tag(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// ---- The button in the canvas's head, and the list

const opener = tag("button", { type: "button", class: "model learn-open", "aria-expanded": "false" });
const canvas = () => document.querySelector("#canvas .studio");

function renderCount() {
  const count = lessons.filter(isDone).length;
  opener.textContent = count ? `Learn · ${count} of ${lessons.length}` : "Learn";
  part("count").textContent = `${count} of ${lessons.length} done`;
}

function renderList() {
  part("list").replaceChildren(...lessons.map((lesson, i) => {
    const button = tag("button", { type: "button", class: isDone(lesson) ? "done" : "", "data-lesson": lesson.name },
      tag("span", { class: "mark" }, isDone(lesson) ? "✓" : String(i + 1)), tag("b", {}, lesson.title),
      tag("small", {}, `${lesson.minutes} min${isDone(lesson) ? ", done" : ""}`),
      tag("small", { class: "about" }, lesson.about));
    button.addEventListener("click", () => start(lesson));
    return tag("li", {}, button);
  }));
}

function showList() {
  here = null;
  turn += 1;
  renderCount();
  renderList();
  part("title").textContent = "Learn";
  part("overview").hidden = false;
  part("lesson").hidden = true;
  part("title").focus();
}

function toggle(open) {
  part("learn").hidden = !open;
  opener.setAttribute("aria-expanded", String(open));
  if (open) showList();
  else opener.focus();
}

// ---- One step

function start(lesson) {
  const begun = done[lesson.name] || 0;
  goTo(lesson, begun < lesson.steps.length ? begun : 0);
}

async function goTo(lesson, number) {
  const step = lesson.steps[number];
  turn += 1;
  const mine = turn;
  here = { lesson, number, facts: new Map() };
  renderStep(lesson, number, step);
  part("title").focus();
  try {
    const replies = await canvas().remote.show(step.before);
    if (mine !== turn) return;
    here.facts = factsOf("before", replies);
    setReady(true);
  } catch (problem) {
    fail(problem, mine, () => goTo(lesson, number));
  }
}

function renderStep(lesson, number, step) {
  part("overview").hidden = true;
  part("lesson").hidden = false;
  part("title").textContent = lesson.title;
  part("place").textContent = `Step ${number + 1} of ${lesson.steps.length}`;
  part("dots").replaceChildren(...lesson.steps.map((_, i) => tag("i", { class: i <= number ? "past" : "" })));
  part("text").replaceChildren(...step.text.map((paragraph) => tag("p", {}, paragraph)));
  part("question").textContent = step.question;
  part("choices").replaceChildren(...step.choices.map((choice, i) => {
    const button = tag("button", { type: "button" }, tag("span", { class: "mark", "aria-hidden": "true" }, "?"),
      tag("span", {}, choice.text));
    button.addEventListener("click", () => predict(step, i));
    return button;
  }));
  part("reveal").replaceChildren();
  part("next").hidden = true;
  part("tab").hidden = true;
  part("watch").hidden = true;
  stopWatching();
  setReady(false);
}

// The choices can be taken once the canvas shows what they are about.
function setReady(ready) {
  for (const button of part("choices").children) button.disabled = !ready;
  if (!ready) say("Setting up the canvas…");
  else say();
}

function say(...sentences) {
  part("reveal").replaceChildren(...sentences.map((s) => (typeof s === "string" ? tag("p", {}, s) : s)));
}

async function predict(step, chosen) {
  const mine = turn;
  const { lesson, number } = here;
  for (const button of part("choices").children) button.disabled = true;
  say("The model is answering…");
  try {
    const replies = await canvas().remote.show(step.after);
    if (mine !== turn) return;
    const facts = new Map([...here.facts, ...factsOf("after", replies)]);
    reveal(step, chosen, outcomeOf(step, facts), facts);
    keepProgress(lesson, number + 1);
    part("next").textContent = number + 1 < lesson.steps.length ? "Next" : "Back to all lessons";
    part("next").hidden = false;
    part("next").focus();
  } catch (problem) {
    fail(problem, mine, () => predict(step, chosen));
  }
}

function reveal(step, chosen, outcome, facts) {
  [...part("choices").children].forEach((button, i) => {
    button.classList.toggle("true", i === outcome);
    button.classList.toggle("missed", i === chosen && i !== outcome);
    button.firstChild.textContent = i === outcome ? "✓" : (i === chosen ? "✗" : "");
  });
  const verdict = chosen === outcome ? "As you predicted: " : "Not as you predicted: ";
  say(tag("p", {}, tag("b", {}, verdict), `${step.choices[outcome].text}`), withFacts(step.reveal, facts));
  const where = step.tab && tabNamed(step.tab);
  part("tab").hidden = !where;
  if (where) part("tab").textContent = `Open “${step.tab}”`;
  part("watch").hidden = !step.watch || !tabNamed(TEACH);
}

async function watchRun() {
  const mine = turn;
  part("watch").disabled = true;
  try {
    await startRun();
    if (mine !== turn) return;
    part("watch").hidden = true;
    stopWatching = mirrorRun(part("watching"));
    part("watching").scrollIntoView({ block: "end", behavior: "smooth" });
  } catch (problem) {
    fail(problem, mine, watchRun);
  } finally {
    part("watch").disabled = false;
  }
}

function fail(problem, mine, again) {
  if (mine !== turn) return;
  const button = tag("button", { type: "button" }, "Try again");
  button.addEventListener("click", again);
  say(problem.message, button);
}

// ---- Wires

part("close").addEventListener("click", () => toggle(false));
part("back").addEventListener("click", showList);
part("next").addEventListener("click", () => {
  const { lesson, number } = here;
  if (number + 1 < lesson.steps.length) goTo(lesson, number + 1);
  else showList();
});
part("tab").addEventListener("click", () => tabNamed(here.lesson.steps[here.number].tab).click());
part("watch").addEventListener("click", watchRun);
opener.addEventListener("click", () => toggle(part("learn").hidden));
part("learn").addEventListener("keydown", (event) => { if (event.key === "Escape") toggle(false); });
renderCount();

function place() {
  const head = canvas()?.querySelector(".top .model");
  if (head) head.before(opener);
  return Boolean(head);
}

if (!place()) {
  const watcher = new MutationObserver(() => { if (place()) watcher.disconnect(); });
  watcher.observe(document.body, { childList: true, subtree: true });
}
