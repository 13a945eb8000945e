// Passkeys. A button with data-passkey fetches options, asks the browser, and sends what it gives with its form.

const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
const encode = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const withIds = (list) => list?.map((item) => ({ ...item, id: decode(item.id) }));

/** Options as the browser takes them; the newest ones can do it themselves. */
function optionsOf(kind, json) {
  const parse =
    kind === 'create'
      ? PublicKeyCredential.parseCreationOptionsFromJSON
      : PublicKeyCredential.parseRequestOptionsFromJSON;
  if (parse) return parse.call(PublicKeyCredential, json);
  return {
    ...json,
    challenge: decode(json.challenge),
    ...(json.user && { user: { ...json.user, id: decode(json.user.id) } }),
    ...(json.excludeCredentials && { excludeCredentials: withIds(json.excludeCredentials) }),
    ...(json.allowCredentials && { allowCredentials: withIds(json.allowCredentials) }),
  };
}

/** The browser's answer as JSON. */
function jsonOf({ id, rawId, type, response }) {
  const parts = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
  const given = parts.filter((part) => response[part]).map((part) => [part, encode(response[part])]);
  const transports = response.getTransports?.();
  return {
    id,
    rawId: encode(rawId),
    type,
    response: { ...Object.fromEntries(given), ...(transports && { transports }) },
  };
}

/** A request that waits behind the sign-in form. The browser takes one at a time. */
let waiting;

/** What of a note says why the browser, or the server, gave nothing (WebAuthn sections 5.1.3 and 5.1.4). */
const REASONS = {
  InvalidStateError: 'known',
  SecurityError: 'elsewhere',
  NotSupportedError: 'unfit',
  ConstraintError: 'unfit',
  NetworkError: 'offline',
};

const offline = (message) => new DOMException(message, 'NetworkError');

async function ask(button, { signal, mediation } = {}) {
  const kind = button.dataset.passkey;
  const reply = await fetch(button.dataset.options, { headers: { accept: 'application/json' }, signal }).catch((error) => {
    throw signal?.aborted ? error : offline(error.message);
  });
  if (!reply.ok) throw offline(`options: ${reply.status}`);
  // The login is too old, or over: its page says so.
  if (reply.redirected && !mediation) {
    location.assign(reply.url);
    return;
  }
  const publicKey = optionsOf(kind, await reply.json());
  const credential = await navigator.credentials[kind]({ publicKey, signal, mediation });
  const answer = Object.assign(document.createElement('input'), { type: 'hidden', name: 'passkey' });
  answer.value = JSON.stringify(jsonOf(credential));
  button.form.append(answer);
  button.form.ariaBusy = null;
  button.form.requestSubmit(button);
}

function prepare(button) {
  const note = document.getElementById(button.dataset.note);
  let answered = false;
  for (const area of button.form.querySelectorAll('[data-passkey-area]')) area.hidden = false;
  button.addEventListener('click', async (event) => {
    if (answered) return;
    event.preventDefault();
    const { form } = button;
    // What else the form asks for comes first, unless this button does without.
    if (!button.formNoValidate && !form.reportValidity()) return;
    note.hidden = true;
    waiting?.abort();
    form.ariaBusy = 'true';
    try {
      await ask(button);
    } catch (error) {
      form.ariaBusy = null;
      note.textContent = note.dataset[REASONS[error.name] ?? 'failed'];
      note.hidden = false;
    }
  });
  button.form.addEventListener('submit', (event) => {
    answered = event.submitter === button;
  });
}

/** Offers passkeys among what the browser fills in. Options last five minutes: before that it asks for new ones. */
async function offer(button) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  for (;;) {
    waiting = new AbortController();
    const { signal } = waiting;
    const renewal = setTimeout(() => waiting.abort('renewal'), 240_000);
    try {
      await ask(button, { signal, mediation: 'conditional' });
      return;
    } catch {
      if (signal.reason !== 'renewal') return;
    } finally {
      clearTimeout(renewal);
    }
  }
}

if (window.PublicKeyCredential) {
  for (const button of document.querySelectorAll('button[data-passkey]')) {
    prepare(button);
    if ('offer' in button.dataset) void offer(button);
  }
} else {
  for (const note of document.querySelectorAll('[data-no-passkeys]')) note.hidden = false;
}
