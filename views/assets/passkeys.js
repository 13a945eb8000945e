// Passkeys. A button with data-passkey fetches options, calls the browser, and submits its form with the result.

const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
const encode = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
const withIds = (list) => list?.map((item) => ({ ...item, id: decode(item.id) }));

/** The options in the browser's form. The newest browsers convert them themselves. */
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

/** The browser's reply as JSON. */
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

/** A request pending behind the sign-in form. A browser handles one at a time. */
let waiting;

/**
 * Which part of a note explains an error of the browser or the server (WebAuthn sections 5.1.3 and 5.1.4).
 */
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
  // The login has expired or is too old: its page says so.
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
    // Check the other fields of the form first, unless this button skips that.
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

/** Offers passkeys in the browser's autofill. Options last five minutes: fetch new ones before that. */
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
