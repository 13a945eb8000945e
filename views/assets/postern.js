// Additions to the pages with JavaScript. Each page works without it.

/** Characters that neither repeat nor continue the previous one. */
const surprising = (text) =>
  [...text].filter((character, index, all) => {
    const step = character.codePointAt(0) - (all[index - 1]?.codePointAt(0) ?? -9);
    return Math.abs(step) > 1;
  });

/** A rough estimate of how hard a password is to guess. The server decides. */
function strengthOf(text, least, names) {
  if ([...text].length < least) return 'short';
  const rest = names.reduce((left, name) => left.replaceAll(name, ''), text.toLowerCase());
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(text)).length;
  const bits = new Set(surprising(rest)).size * (3 + kinds / 2) + surprising(rest).length;
  if (bits < 40) return 'weak';
  return bits < 58 ? 'fair' : 'strong';
}

/**
 * Lets the server check a form and shows problems without leaving the page, so that a password stays in
 * its field and is stored nowhere else.
 */
async function sendChecked(form) {
  const body = new URLSearchParams(new FormData(form));
  const headers = { 'Postern-Check': 'yes' };
  const reply = await fetch(form.action, { method: 'POST', headers, body }).catch(() => undefined);
  if (reply?.status !== 400) {
    form.submit();
    return;
  }
  const page = new DOMParser().parseFromString(await reply.text(), 'text/html');
  const [before, after] = [document.querySelector('main'), page.querySelector('main')];
  for (const { id, value } of before.querySelectorAll('input[type="password"]')) {
    const again = after.querySelector(`#${id}`);
    if (again) again.value = value;
  }
  before.replaceWith(after);
  document.title = page.title;
  history.replaceState(null, '', reply.url);
  enhance(after);
  after.querySelector('[autofocus]')?.focus();
}

/** Sets up a page, or a part of it that was replaced. */
function enhance(root) {
  for (const button of root.querySelectorAll('[data-reveal]')) {
    const input = document.getElementById(button.dataset.reveal);
    const hidden = { text: button.textContent, label: button.getAttribute('aria-label') };
    const shown = { text: button.dataset.text, label: button.dataset.label };
    const show = (yes) => {
      input.type = yes ? 'text' : 'password';
      const { text, label } = yes ? shown : hidden;
      button.textContent = text;
      button.setAttribute('aria-label', label);
    };
    button.hidden = false;
    button.addEventListener('click', () => show(input.type === 'password'));
    // Send it as a password, so that the browser offers to save it and keeps it out of its history.
    input.form.addEventListener('submit', () => show(false));
  }

  for (const note of root.querySelectorAll('[data-strength]')) {
    const input = document.getElementById(note.dataset.strength);
    const namesOf = () =>
      [...input.form.querySelectorAll('[name="username"], [name="email"], [name="name"]')]
        .flatMap(({ value }) => value.toLowerCase().split(/[\s@.]+/))
        .filter((name) => name.length > 2);
    input.addEventListener('input', () => {
      const strength = strengthOf(input.value, input.minLength, namesOf());
      note.hidden = input.value === '';
      note.dataset.level = strength;
      note.textContent = note.dataset[strength];
    });
  }

  // Send a form once, however often its button is pressed. Returning to the page enables it again. A button
  // that shows its result elsewhere, as in a frame, leaves its form ready.
  for (const form of root.querySelectorAll('form')) {
    form.addEventListener('submit', (event) => {
      if (event.submitter?.formTarget) return;
      if (form.ariaBusy === 'true') event.preventDefault();
      form.ariaBusy = 'true';
    });
  }

  for (const form of root.querySelectorAll('form[data-check]')) {
    form.addEventListener('submit', (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      void sendChecked(form);
    });
  }

  // A logo that does not load is replaced by the letter behind it.
  for (const image of root.querySelectorAll('img[data-logo]')) {
    const drop = () => image.remove();
    if (image.complete && image.naturalWidth === 0) drop();
    else image.addEventListener('error', drop);
  }
}
enhance(document);

addEventListener('pageshow', () => {
  for (const form of document.forms) form.ariaBusy = null;
});

// A page that only forwards a response to an app submits its form by itself.
addEventListener('load', () => document.querySelector('form[data-submit]')?.requestSubmit());

// Values to keep can be copied, if the browser allows it.
for (const button of document.querySelectorAll('[data-copy]')) {
  button.hidden = !navigator.clipboard;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
  });
}

// Times are in UTC on the page. Show them in the reader's time zone. Those of the console name the zone
// (console.js).
for (const time of document.querySelectorAll('time[datetime]:not([data-zone])')) {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
  time.textContent = form.format(new Date(time.dateTime));
}

// Everything on the page has loaded: follow its link.
for (const link of document.querySelectorAll('a[data-continue]')) {
  addEventListener('load', () => location.replace(link.href));
}
