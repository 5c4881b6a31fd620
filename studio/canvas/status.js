// Messages, the model's state, what a screen reader hears, and which kind of answer is shown.

const POLL = 400, LONGEST_PAUSE = 8000; // milliseconds

// The pauses between calls that are repeated: `first` while they are answered, twice as long after each one that fails.
function makePauses(first = POLL) {
  let next = first;
  return {
    answered() { next = first; },
    async rest() {
      await new Promise((resolve) => { setTimeout(resolve, next); });
      next = Math.min(2 * next, LONGEST_PAUSE);
    },
  };
}

function makeNotices() {
  const notice = part("notice");
  let retry = null;
  const clear = () => { notice.hidden = true; };
  part("notice-close").addEventListener("click", clear);
  part("notice-again").addEventListener("click", () => { clear(); retry(); });
  return {
    clear,
    // again: what would be tried once more, where that may help.
    complain(message, again = null) {
      retry = again;
      setText(part("notice-text"), message);
      setHidden(part("notice-again"), !again);
      notice.hidden = false;
      notice.scrollIntoView({ block: "nearest" });
    },
  };
}

function speak(message) {
  setText(part("spoken"), message);
}

// A call that was lost or refused for the moment only.
const isPassing = (problem) => ["Lost", "BusyError", "NotReadyError", "Unexpected"].includes(problem.kind);

// Asks for the examples until they come: without them the page would have no photo to begin with.
async function fetchExamples(courier, notices) {
  const pauses = makePauses();
  for (let complained = false; ;) {
    try {
      const { examples } = await courier.call("examples");
      if (complained) notices.clear();
      return examples;
    } catch (problem) {
      if (!complained) notices.complain(`The examples have not come yet; they are asked for again. ${problem.message}`);
      complained = true;
      await pauses.rest();
    }
  }
}

// Asks until the model is there or has failed; `ready` and `failed` are each called once.
async function followModel(courier, { ready, failed }) {
  const pauses = makePauses();
  for (;;) {
    let status = null;
    try {
      status = await courier.call("status");
      pauses.answered();
    } catch {
      status = { state: "loading", text: "" };
    }
    if (status.state === "ready") {
      part("studio").dataset.model = "ready";
      setText(part("model-text"), `Model: ${status.text}`);
      ready();
      return;
    }
    if (status.state === "failed") {
      part("studio").dataset.model = "failed";
      setText(part("model-text"), "No model");
      failed(status.text);
      return;
    }
    await pauses.rest();
  }
}

function showMode(masking, refining) {
  const mode = part("mode");
  setHidden(mode, !masking);
  setAttribute(mode, "data-masking", masking);
  if (masking === "pixels") {
    setText(mode, "faithful: pixels hidden");
    mode.title = "The hidden boxes were blacked out before the detector looked at the photo.";
  } else {
    setText(mode, refining ? "fast: feature hidden · refining…" : "fast: feature hidden");
    mode.title = "The hidden regions' features were taken away after the detector had looked at the photo.";
  }
}
