// The service worker: shows the messages that stepgate pushes to this browser, and opens its page. It keeps nothing, and pages do not
// go through it: there is no fetch handler.
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

function read(data) {
  try {
    return data.json();
  } catch {
    return {};
  }
}

const windows = () => self.clients.matchAll({ type: 'window', includeUncontrolled: true });

/** The server writes the texts. A test message is also told to the page that asked for it. */
async function show({ title = 'stepgate', body = '', url = '/inbox', tag = '', enrol }) {
  if (typeof enrol === 'string') for (const page of await windows()) page.postMessage({ enrol });
  await self.registration.showNotification(title, { body, tag, renotify: tag !== '', icon: '/favicon.svg', data: { url } });
}

async function open(address) {
  const url = new URL(address, self.location.origin);
  if (url.origin !== self.location.origin) return;
  const [page] = await windows();
  if (page === undefined) {
    await self.clients.openWindow(url.href);
    return;
  }
  await page.focus().catch(() => {}); // the browser may not let us: the page changes all the same
  page.postMessage({ open: url.pathname + url.hash });
}

self.addEventListener('push', (event) => event.waitUntil(show(read(event.data))));
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url ?? '/inbox'));
});
