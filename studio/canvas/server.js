// Calls to the server. A reply that carries an error becomes a Problem, whose message is fit for the visitor.

class Problem extends Error {
  constructor(message, kind) {
    super(message);
    this.kind = kind;
  }
}

const CALLS = "/component_server";
const UPLOADS = "/upload";

// Messages for answers that come from a server in front of the studio, by HTTP status.
function refusal(status) {
  if (status === 413) {
    return ["The file is too large for a server between this browser and the studio (HTTP 413). Save the picture smaller, "
      + "or let whoever runs the studio raise that server's limit.", "TooLargeError"];
  }
  if (status === 429) return ["A server in front of the studio takes no more requests for now (HTTP 429). Wait a moment.", "BusyError"];
  if ([200, 401, 403].includes(status)) {
    return [`A server in front of the studio answered instead of it (HTTP ${status}). Reload the page: perhaps you have to sign in again.`,
      "Refused"];
  }
  if ([502, 503, 504].includes(status)) {
    return [`The studio does not answer the server in front of it (HTTP ${status}). Wait a moment, then try again.`, "Lost"];
  }
  return [`The studio could not answer (HTTP ${status}). Try again.`, "Lost"];
}

// Gradio returns nothing for an answer with an HTTP error or without JSON. Such an answer becomes a reply with an error,
// as the studio sends them, before Gradio reads it.
function readRefusals() {
  if (window.fetch.readsRefusals) return;
  const plain = window.fetch;
  window.fetch = async (...sent) => {
    const response = await plain.apply(window, sent);
    const path = new URL(sent[0]?.url ?? sent[0], location.href).pathname.replace(/\/$/, "");
    const isJson = (response.headers.get("content-type") || "").includes("json");
    if (path.endsWith(CALLS) && !(response.ok && isJson)) {
      const [error, kind] = refusal(response.status);
      return new Response(JSON.stringify({ error, kind }), { headers: { "Content-Type": "application/json" } });
    }
    if (path.endsWith(UPLOADS) && !response.ok && !isJson) return new Response(refusal(response.status)[0], { status: response.status });
    return response;
  };
  window.fetch.readsRefusals = true;
}

function makeCourier() {
  readRefusals();
  const tickets = new Map(); // photo key -> the server's ticket for it
  let visitor = null;
  let admitting = null; // a promise, while a new name is asked for

  const call = (name, fields = {}) => asVisitor(() => server[name]({ visitor, ...fields }));

  // A studio that was started anew knows nobody: it gives a new name, and the call is made once more. It has no photo
  // of this visitor's then, so that `about` hands it in again.
  async function asVisitor(send) {
    const before = visitor;
    try {
      return checked(await send());
    } catch (problem) {
      if (problem.kind !== "VisitorGoneError") throw problem;
      if (visitor === before) {
        admitting ??= server.admit({}).then(checked).finally(() => { admitting = null; });
        visitor = (await admitting).visitor;
      }
      return checked(await send());
    }
  }

  function checked(reply) {
    if (!reply) throw new Problem("The studio cannot be reached. Check the connection, then try again.", "Lost");
    if (reply.error) throw new Problem(reply.error, reply.kind);
    return reply;
  }

  async function hand(source) {
    if (source.blob) {
      return asVisitor(() => server.open_photo({ binary: true, data: { visitor, photo: source.blob } }));
    }
    if (source.kept) return call("open_kept", { kept: source.kept });
    return call("open_example", { number: source.number });
  }

  return {
    call,
    asVisitor,
    get visitor() { return visitor; },
    admit(name) { visitor = name; },
    get admitted() { return visitor !== null; },

    async open(source, shows) {
      const reply = await hand(source);
      const photo = Object.freeze({
        key: Symbol("photo"), source, shows: reply.shows || shows,
        picture: reply.picture, width: reply.width, height: reply.height,
      });
      tickets.set(photo.key, reply.photo);
      return { photo, caption: reply.caption || "", hide: reply.hide || null };
    },

    // A question about a state. Photos are dropped by the server after a while: then it is handed in once more.
    async about(name, state, fields = {}) {
      const question = () => call(name, {
        photo: tickets.get(state.photo.key),
        caption: state.caption,
        boxes: state.edited ? state.regions.slice(1).map((r) => r.box) : null,
        hidden_words: state.hiddenWords,
        hidden_regions: state.hiddenRegions,
        heads_off: state.headsOff,
        ...fields,
      });
      try {
        return await question();
      } catch (problem) {
        if (problem.kind !== "PhotoGoneError") throw problem;
        tickets.set(state.photo.key, (await hand(state.photo.source)).photo);
        return question();
      }
    },
  };
}

// Asks about the newest state only: one quick question is under way at a time, and an answer to an older state is
// dropped. Where regions are hidden the faithful question follows once the visitor pauses.
const PAUSE = 250;
const NO_ANSWERS = Object.freeze({ masking: "", words: [], regions: [] });

function makeAsker(courier, store, { answered, failed, refining }) {
  let sequence = 0;
  let asking = false;
  let timer = null;

  const pending = (state) => state.photo && state.chips && state.regions
    && (state.hiddenWords.length + state.hiddenRegions.length > 0 || state.chips.words.some((w) => !w.known));

  async function ask(masking, mine) {
    const state = store.now;
    try {
      const reply = await courier.about("ask", state, { masking, sequence: mine });
      if (mine === sequence) answered(reply, mine);
      return mine === sequence;
    } catch (problem) {
      if (mine === sequence && problem.kind !== "SupersededError") failed(problem);
      return false;
    }
  }

  async function run() {
    asking = true;
    const mine = sequence;
    const good = await ask("feature", mine);
    asking = false;
    if (mine !== sequence) {
      if (pending(store.now)) run();
    } else if (good && store.now.hiddenRegions.length) {
      refining(true);
      timer = setTimeout(async () => {
        await ask("pixels", mine);
        if (mine === sequence) refining(false);
      }, PAUSE);
    }
  }

  return {
    request() {
      sequence += 1;
      clearTimeout(timer);
      refining(false);
      if (!pending(store.now)) answered(NO_ANSWERS, sequence);
      else if (!asking) run();
    },
  };
}
