// Additions to the console's pages with JavaScript. Each page works without it.
{
  const { lang } = document.documentElement;
  const keysOn = document.body.dataset.keys === 'on';
  const search = document.getElementById('q');
  const dialog = document.querySelector('dialog.shortcuts');

  /* Times in the reader's time zone. Lists show how long ago they were, or the day. */

  const exact = new Intl.DateTimeFormat(lang, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  });
  const day = new Intl.DateTimeFormat(lang, { year: 'numeric', month: 'short', day: 'numeric' });
  const date = new Intl.DateTimeFormat(lang, { dateStyle: 'full' });
  const clock = new Intl.DateTimeFormat(lang, { timeStyle: 'short' });
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto', style: 'short' });
  const UNITS = [
    ['second', 60],
    ['minute', 60],
    ['hour', 24],
    ['day', 7],
  ];
  /** How long ago. Undefined for more than a week. */
  function ago(date) {
    let amount = (date - Date.now()) / 1000;
    for (const [unit, size] of UNITS) {
      if (Math.abs(amount) < size) return relative.format(Math.round(amount), unit);
      amount /= size;
    }
    return undefined;
  }
  for (const time of document.querySelectorAll('time[data-zone]')) {
    const at = new Date(time.dateTime);
    const whole = exact.format(at);
    if ('relative' in time.dataset) time.textContent = ago(at) ?? day.format(at);
    else if ('clock' in time.dataset) time.textContent = clock.format(at);
    else time.textContent = whole;
    if (time.textContent !== whole) time.title = whole;
  }

  /* A time line by days: the reader's. */

  const words = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });
  const recent = new Map(
    [0, -1].map((days) => [date.format(Date.now() + days * 86_400_000), words.format(days, 'day')]),
  );
  for (const days of document.querySelectorAll('[data-days]')) {
    const lists = new Map();
    for (const entry of days.querySelectorAll('li')) {
      const title = date.format(new Date(entry.querySelector('time').dateTime));
      const list = lists.get(title) ?? document.createElement('ol');
      list.className = 'time-line';
      list.append(entry);
      lists.set(title, list);
    }
    days.replaceChildren();
    for (const [title, list] of lists) {
      const heading = document.createElement('h3');
      heading.textContent = recent.get(title) ?? title;
      days.append(heading, list);
    }
  }

  /* Keyboard shortcuts: none in fields, and no single keys where they are turned off. */

  const isField = (element) => element.closest('input, textarea, select, [contenteditable]') !== null;
  const rows = () => [...document.querySelectorAll('[data-row]')].filter((row) => row.querySelector('a[href]'));

  function move(step) {
    const all = rows();
    if (all.length === 0) return;
    const now = all.findIndex((row) => row.contains(document.activeElement));
    const next = now === -1 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + step, 0), all.length - 1);
    all[next].querySelector('a[href]').focus();
  }

  function findSomething() {
    search.focus();
    search.select();
  }

  const places = new Map(
    [...document.querySelectorAll('dialog [data-go]')].map(({ dataset }) => [dataset.go, dataset.path]),
  );
  /** How long to wait for the key after `g`. */
  let going = 0;

  addEventListener('keydown', (event) => {
    const { key } = event;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === 'k') {
      event.preventDefault();
      findSomething();
      return;
    }
    if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || isField(event.target) || dialog.open) return;
    if (going > Date.now() && places.has(key)) {
      location.assign(places.get(key));
      return;
    }
    going = key === 'g' ? Date.now() + 1500 : 0;
    const acts = { '/': findSomething, 'j': () => move(1), 'k': () => move(-1), '?': () => dialog.showModal() };
    if (!Object.hasOwn(acts, key)) return;
    event.preventDefault();
    acts[key]();
  });

  for (const link of document.querySelectorAll('[data-shortcuts]')) {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      link.closest('details')?.removeAttribute('open');
      dialog.showModal();
    });
  }

  /* A menu closes on Escape and on a click elsewhere. */

  const self = document.querySelector('details.self');
  addEventListener('click', ({ target }) => {
    if (!self.contains(target)) self.open = false;
  });
  addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape' || !self.open) return;
    self.open = false;
    self.querySelector('summary').focus();
  });

  /* Actions on ticked rows appear once a row is ticked. */

  for (const bar of document.querySelectorAll('.bulk-bar')) {
    const boxes = [...bar.form.querySelectorAll('input[name="id"]')];
    const all = bar.form.querySelector('[data-tick-all]');
    const label = bar.querySelector('.hint');
    const update = () => {
      const ticked = boxes.filter(({ checked }) => checked).length;
      bar.hidden = ticked === 0;
      label.textContent = bar.dataset.selected.replace('%', ticked);
      all.checked = ticked === boxes.length;
      all.indeterminate = ticked > 0 && !all.checked;
    };
    all.hidden = false;
    all.addEventListener('change', () => {
      for (const box of boxes) box.checked = all.checked;
    });
    bar.form.addEventListener('change', update);
    addEventListener('pageshow', update);
    update();
  }

  /* Empty fields of a form with filters stay out of the URL. */

  for (const form of document.querySelectorAll('form.filters')) {
    form.addEventListener('formdata', ({ formData }) => {
      for (const [name] of [...formData].filter(([, value]) => value === '')) formData.delete(name);
    });
  }

  /* An app that waits for its first sign-in: check again while its page is visible. */

  const WAIT = 4000;
  const MAX_WAIT = 30 * 60_000;
  const waitsSince = Date.now();

  async function lookAgain() {
    const now = document.querySelector('[data-wait]');
    if (!now || Date.now() - waitsSince > MAX_WAIT) return;
    if (document.visibilityState === 'visible' && !now.contains(document.activeElement)) {
      try {
        const reply = await fetch(now.dataset.wait);
        const page = new DOMParser().parseFromString(await reply.text(), 'text/html');
        const next = page.getElementById('waiting');
        // A signed-out operator sees that on the next page.
        if (reply.ok && next && next.innerHTML !== now.innerHTML) now.replaceWith(document.adoptNode(next));
      } catch {
        // Offline for a moment.
      }
    }
    setTimeout(lookAgain, WAIT);
  }
  if (document.querySelector('[data-wait]')) setTimeout(lookAgain, WAIT);

  /* A fix beside a secret that is shown once must not leave the page. */

  addEventListener('submit', (event) => {
    if (!event.target.matches('form[data-fix]')) return;
    event.preventDefault();
    const form = event.target;
    void fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) }).then(() =>
      form.remove(),
    );
  });

  /* Previews: a frame shows the input a moment later. */

  for (const form of document.querySelectorAll('form[data-preview]')) {
    const button = form.querySelector('button[formtarget]');
    let waiting;
    form.addEventListener('input', () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => form.requestSubmit(button), 600);
    });
  }
}
