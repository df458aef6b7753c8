// Messages to this browser: its service worker, its subscription, and the tokens of messages that were opened. A token stays in this
// tab's memory, and leaves the address at once.
import { api, type Factor } from './api';
import { navigate } from './router';
import { text } from './text';

/** Why this browser cannot be enrolled, with a sentence for the user. */
export class PushError extends Error {}

export const push_supported = () => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;

const test_message_ms = 60_000;
const opened = new Map<string, string>(); // challenge -> token

/** The token of the message that was opened for a challenge. */
export const token_for = (challenge: string) => opened.get(challenge);
export const forget_token = (challenge: string) => opened.delete(challenge);

/** "/c/ID#push=TOKEN": keeps the token and gives the address without it; undefined if it is not such an address. */
export function take_token(path: string, hash: string): string | undefined {
  const challenge = /^\/c\/([A-Za-z0-9_-]{1,64})$/.exec(path)?.[1];
  const token = /^#push=([A-Za-z0-9_-]{1,64})$/.exec(hash)?.[1];
  if (challenge === undefined || token === undefined) return undefined;
  opened.set(challenge, token);
  return path;
}

function take_from_address(): void {
  if (take_token(location.pathname, location.hash) !== undefined) history.replaceState(null, '', location.pathname + location.search);
}

/** Opens what a notification leads to, here or in a new window. Before the first page is shown. */
export function follow_messages(): void {
  take_from_address();
  window.addEventListener('hashchange', take_from_address);
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ open?: unknown }>) => {
    if (typeof data?.open !== 'string') return;
    const url = new URL(data.open, location.origin);
    if (url.origin !== location.origin) return;
    navigate(take_token(url.pathname, url.hash) ?? url.pathname);
  });
}

/** Asks for permission, subscribes this browser anew, and waits for the test message. */
export async function add_push(public_key: string, name: string): Promise<Factor> {
  if (await Notification.requestPermission() !== 'granted') throw new PushError(text.errors.push_denied);
  const { endpoint, keys } = await subscribe(public_key);
  const message = test_message();
  try {
    const ceremony = await api.begin_push_enrolment(endpoint ?? '', keys?.p256dh ?? '', keys?.auth ?? '');
    return await api.finish_push_enrolment(ceremony, await message.token, name);
  } finally {
    message.stop();
  }
}

async function subscribe(public_key: string): Promise<PushSubscriptionJSON> {
  try {
    await navigator.serviceWorker.register('/sw.js');
    const worker = await navigator.serviceWorker.ready;
    // An address of its own for each enrolment: what went to another user of this browser ends.
    await (await worker.pushManager.getSubscription())?.unsubscribe();
    return (await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: public_key })).toJSON();
  } catch {
    throw new PushError(text.errors.push_subscribe);
  }
}

/** Ends this browser's own subscription, if it is the one of a factor that was removed. */
export async function forget_push(factor: Factor): Promise<void> {
  if (factor.browser === undefined || !push_supported()) return;
  const worker = await navigator.serviceWorker.getRegistration();
  const subscription = await worker?.pushManager.getSubscription();
  if (subscription && await fingerprint(subscription.endpoint) === factor.browser) await subscription.unsubscribe();
}

/** As the server writes it: SHA-256, base64url. */
export async function fingerprint(endpoint: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)));
  return btoa(String.fromCharCode(...hash)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Listens before the message is asked for. */
function test_message(): { token: Promise<string>; stop: () => void } {
  let stop = () => {};
  const token = new Promise<string>((resolve, reject) => {
    const hear = ({ data }: MessageEvent<{ enrol?: unknown }>) => { if (typeof data?.enrol === 'string') resolve(data.enrol); };
    const timer = setTimeout(() => reject(new PushError(text.errors.push_silent)), test_message_ms);
    navigator.serviceWorker.addEventListener('message', hear);
    stop = () => {
      clearTimeout(timer);
      navigator.serviceWorker.removeEventListener('message', hear);
    };
  });
  return { token, stop };
}
