import { useEffect, useState } from 'preact/hooks';
import { api, type ChallengeSummary, type Session } from './api';
import { tell_desktop } from './desktop';
import { live_of } from './live';
import { server_now } from './session';
import { seconds_left } from './time';

export interface Inbox {
  challenges: ChallengeSummary[] | undefined;
  connected: boolean;
  reload: () => void;
}

/** A challenge only ever leaves `pending`: of two views of it, the one further on is the newer. */
const progress = { pending: 0, approved: 1, consumed: 2, denied: 2, expired: 2, cancelled: 2 } as const;

export function merge(list: ChallengeSummary[], news: ChallengeSummary[]): ChallengeSummary[] {
  const by_id = new Map(list.map((challenge) => [challenge.id, challenge]));
  for (const challenge of news) {
    const known = by_id.get(challenge.id);
    if (known === undefined || progress[challenge.state] >= progress[known.state]) by_id.set(challenge.id, challenge);
  }
  return [...by_id.values()].sort((a, b) => (a.opened < b.opened ? 1 : a.opened > b.opened ? -1 : 0)).slice(0, 200);
}

/** Pending and not yet over by the server's clock. */
export function is_pending(challenge: ChallengeSummary, now: number): boolean {
  return challenge.state === 'pending' && seconds_left(challenge.expires, now) > 0;
}

export const pending_of = (inbox: Inbox) => (inbox.challenges ?? []).filter((challenge) => is_pending(challenge, server_now()));

/** The user's challenges, kept current by the stream; read again whenever the stream (re)starts or the page is looked at again. */
export function use_inbox(session: Session | null | undefined): Inbox {
  const user = session && !session.enrolment_only ? session.user : undefined;
  const [challenges, set_challenges] = useState<ChallengeSummary[]>();
  const [connected, set_connected] = useState(true);
  const [, render] = useState(0);

  const load = async () => {
    try {
      const read = await api.challenges();
      set_challenges((before) => merge(before ?? [], read));
    } catch {
      set_connected(false); // the stream's next start reads again
    }
  };

  useEffect(() => {
    set_challenges(undefined);
    if (user === undefined) return;
    void load();
    const live = live_of(user);
    const unsubscribe = live.subscribe((event) => {
      if (event.kind === 'connected') set_connected(event.connected);
      if (event.kind === 'ready') void load();
      if (event.kind !== 'challenge') return;
      set_challenges((before) => merge(before ?? [], [event.challenge]));
      if (live.leading) tell_desktop(event.challenge, user);
    });
    const seen = () => { if (document.visibilityState === 'visible') void load(); };
    document.addEventListener('visibilitychange', seen);
    return () => {
      unsubscribe();
      document.removeEventListener('visibilitychange', seen);
    };
  }, [user]);

  return { challenges, connected, reload: () => { void load(); render((count) => count + 1); } };
}
