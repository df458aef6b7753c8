import type { ChallengeSummary } from './api';
import { navigate } from './router';
import { text } from './text';

// Notifications of the desktop about statements that wait, after the user has asked for them by a button. They say where and which code,
// never what: a desktop shows them to whoever stands by.

const kept = 'stepgate-desktop-notifications';

export type DesktopState = 'unsupported' | 'off' | 'on' | 'refused';

const wanted = (): boolean => {
  try {
    return localStorage.getItem(kept) === 'on';
  } catch {
    return false; // storage is switched off
  }
};

export function desktop_state(): DesktopState {
  if (!('Notification' in window)) return 'unsupported';
  if (Notification.permission === 'denied') return 'refused';
  return Notification.permission === 'granted' && wanted() ? 'on' : 'off';
}

/** Asks the browser, which asks the user. */
export async function turn_on(): Promise<DesktopState> {
  if (await Notification.requestPermission() === 'granted') localStorage.setItem(kept, 'on');
  return desktop_state();
}

export function turn_off(): DesktopState {
  localStorage.removeItem(kept);
  return desktop_state();
}

const shown = new Map<string, Notification>(); // challenge -> its notification

/** News of a challenge. Only the tab that holds the stream tells it, so that several tabs say it once. */
export function tell_desktop(challenge: ChallengeSummary, me: string): void {
  if (challenge.state !== 'pending') {
    shown.get(challenge.id)?.close();
    shown.delete(challenge.id);
    return;
  }
  if (shown.has(challenge.id) || desktop_state() !== 'on') return;
  const title = challenge.user === me ? text.desktop.own : text.inbox.asks(challenge.user);
  try {
    const notification = new Notification(title, { body: text.desktop.body(challenge.code, challenge.database, challenge.listener), tag: challenge.id });
    shown.set(challenge.id, notification);
    notification.onclick = () => {
      window.focus();
      navigate(`/c/${challenge.id}`);
      notification.close();
    };
  } catch {
    // some browsers show them from a service worker only: there the Factors page has messages to the browser
  }
}
