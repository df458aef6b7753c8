// A login at an identity provider: the browser goes there and comes back to /provider with a code. What was begun is kept in this tab
// only, so that a link from elsewhere finishes nothing.
import { api } from './api';

interface Pending {
  ceremony: string;
  challenge: string; // '' for a sign-in
  back: string;
  reason: string;
}

const key = 'stepgate.provider';

/** Leaves the page. */
function leave(url: string, pending: Pending): void {
  sessionStorage.setItem(key, JSON.stringify(pending));
  location.assign(url);
}

export async function sign_in_at(provider: string, back: string): Promise<void> {
  const { ceremony, url } = await api.begin_provider_sign_in(provider);
  leave(url, { ceremony, challenge: '', back, reason: '' });
}

export async function prove_at(provider: string, challenge: string, reason: string): Promise<void> {
  const { ceremony, url } = await api.begin_provider_proof(challenge, provider);
  leave(url, { ceremony, challenge, back: `/c/${challenge}`, reason });
}

/** What this tab has begun, once. */
export function take_pending(): Pending | undefined {
  const kept = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  if (kept === null) return undefined;
  try {
    return JSON.parse(kept) as Pending;
  } catch {
    return undefined;
  }
}

/** Gives the server what the provider sent along. */
export async function finish_login(pending: Pending, query: string): Promise<void> {
  const parameters = new URLSearchParams(query);
  const answer = { state: parameters.get('state') ?? '', code: parameters.get('code') ?? '', iss: parameters.get('iss') ?? '' };
  if (pending.challenge === '') await api.finish_provider_sign_in(pending.ceremony, answer);
  else await api.prove_with_provider(pending.challenge, pending.ceremony, answer, pending.reason);
}
