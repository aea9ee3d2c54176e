// What browsers do beyond HTML. Every page works without it: times stay in UTC, and a code is pasted instead of scanned.
'use strict';
(() => {
  const language = document.documentElement.lang;
  const format = new Intl.DateTimeFormat(language === 'en' ? undefined : language, {
    dateStyle: 'medium',
    timeStyle: 'short',
  });

  // Times in the zone of the person.
  const localTimes = (root) => {
    for (const time of root.querySelectorAll('time[data-local]')) {
      time.textContent = format.format(new Date(time.dateTime));
      time.title = time.dateTime;
      time.removeAttribute('data-local');
    }
  };

  // A field is invalid while there is a message about it.
  const invalidFields = () => {
    for (const message of document.querySelectorAll('#reserve .error[id^="error-"]')) {
      const field = document.getElementById(message.id.slice('error-'.length));
      if (!field) continue;
      if (message.textContent) field.setAttribute('aria-invalid', 'true');
      else field.removeAttribute('aria-invalid');
    }
  };

  localTimes(document);
  document.body.addEventListener('htmx:afterSettle', () => {
    localTimes(document);
    invalidFields();
  });

  // What moves asks for itself once more after an answer that did not come, up to a bound.
  let again = 60;
  for (const failure of ['htmx:responseError', 'htmx:sendError', 'htmx:timeout']) {
    document.body.addEventListener(failure, ({ detail: { elt } }) => {
      if (!elt.matches('#moving, #poller') || again === 0) return;
      again -= 1;
      setTimeout(() => window.htmx.trigger(elt, 'again'), 5_000);
    });
  }

  // The service says what is wrong with the form, so the browser need not. But for a day that does not exist a browser
  // sends nothing, and the labels would have no date.
  const reserve = document.getElementById('reserve');
  if (reserve) reserve.noValidate = true;
  const heldBack = (form) => {
    const wrong = [...form.querySelectorAll('input[type="date"]')].filter((date) => date.validity.badInput);
    for (const date of wrong) document.getElementById(`error-${date.id}`).textContent = date.dataset.bad;
    invalidFields();
    wrong[0]?.focus();
    return wrong.length > 0;
  };

  // A form is sent once, however often its button is clicked.
  for (const form of document.querySelectorAll('form[method="post"]')) {
    form.addEventListener('submit', (event) => {
      if (heldBack(form)) {
        event.preventDefault();
        return;
      }
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = 'yes';
      for (const button of form.querySelectorAll('button')) button.setAttribute('aria-disabled', 'true');
    });
  }
  // A page that comes back from the history can be sent again.
  window.addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-sent]')) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('button')) button.removeAttribute('aria-disabled');
    }
  });

  // The camera.
  const scan = document.getElementById('scan');
  if (!scan || !('BarcodeDetector' in window) || !navigator.mediaDevices) return;
  const [camera, video, code, failed] = ['camera', 'video', 'code', 'scan-error'].map((id) =>
    document.getElementById(id),
  );
  const start = scan.textContent;
  let stream = null;
  scan.hidden = false;

  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    camera.hidden = true;
    scan.textContent = start;
  };
  const look = async (detector) => {
    if (!stream) return;
    try {
      const [found] = await detector.detect(video);
      if (found) {
        stop();
        code.value = found.rawValue;
        code.form.requestSubmit();
        return;
      }
    } catch {
      // A frame that cannot be read yet.
    }
    setTimeout(look, 150, detector);
  };
  scan.addEventListener('click', async () => {
    failed.textContent = '';
    if (stream) {
      stop();
      return;
    }
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      const known = await window.BarcodeDetector.getSupportedFormats();
      const wanted = ['qr_code', 'data_matrix', 'code_128'].filter((name) => known.includes(name));
      video.srcObject = stream;
      camera.hidden = false;
      scan.textContent = scan.dataset.stop;
      await video.play();
      look(new window.BarcodeDetector({ formats: wanted }));
    } catch {
      stop();
      failed.textContent = scan.dataset.failed;
    }
  });
})();
