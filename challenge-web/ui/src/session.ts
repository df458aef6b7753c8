import { useEffect, useState } from 'preact/hooks';
import { api, type Session } from './api';
import { ServerClock } from './time';

/** undefined until the server has said who is signed in. */
export type SessionState = Session | null | undefined;

let state: SessionState;
const listeners = new Set<() => void>();

export const server_clock = new ServerClock();
export const server_now = () => server_clock.now(Date.now());

api.on_session = (session) => {
  state = session;
  for (const listener of [...listeners]) listener();
};
api.on_date = (date) => server_clock.learn(date, Date.now());

/** Asks the server once; pages that need the answer wait with `use_session`. */
export async function load_session(): Promise<void> {
  const session = await api.session();
  if (session === null) api.on_session(null);
}

export function use_session(): SessionState {
  const [, render] = useState(0);
  useEffect(() => {
    const listener = () => render((count) => count + 1);
    listeners.add(listener);
    listener();
    return () => { listeners.delete(listener); };
  }, []);
  return state;
}
