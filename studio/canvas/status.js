// Messages, the model's state, what a screen reader hears, and which kind of answer is shown.

const POLL = 400;

function makeNotices() {
  const notice = part("notice");
  const clear = () => { notice.hidden = true; };
  part("notice-close").addEventListener("click", clear);
  return {
    clear,
    complain(message) {
      setText(part("notice-text"), message);
      notice.hidden = false;
      notice.scrollIntoView({ block: "nearest" });
    },
  };
}

function speak(message) {
  setText(part("spoken"), message);
}

// Asks until the model is there or has failed; `ready` and `failed` are each called once.
async function followModel(courier, { ready, failed }) {
  for (;;) {
    let status = null;
    try {
      status = await courier.call("status");
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
    await new Promise((resolve) => setTimeout(resolve, POLL));
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
