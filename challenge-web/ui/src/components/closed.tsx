import type { Challenge, State } from '../api';
import { text } from '../text';
import { PlainPage } from './basics';
import { Countdown } from './countdown';

type Props = { state: Exclude<State, 'pending'> | 'not_found'; here?: boolean; challenge?: Challenge };

/** How it ended, and what to do now. */
export function ending(state: Props['state'], challenge?: Challenge): string {
  return (challenge?.run_again && text.closed_run_again[state]) || text.closed[state].body;
}

/** A challenge that cannot be answered (any more): says how it ended, by whom and why. Of one that is not there, no more. */
export function Closed({ state, here, challenge }: Props) {
  // Released a moment after this page's own approval is, for this reader, still "approved".
  const shown = here && state === 'consumed' ? 'approved' : state;
  const words = text.closed[shown];
  const tone = shown === 'approved' ? 'good' : shown === 'denied' ? 'bad' : 'plain';
  return (
    <PlainPage heading={words.heading} tone={tone}>
      <p>{shown === state ? ending(state, challenge) : words.body}</p>
      {challenge?.run_again && state === 'approved' && <p>{text.challenge.time_left} <Countdown expires={challenge.expires} /></p>}
      {challenge?.closed_by && <p class="quiet">{text.closed_by} <bdi>{challenge.closed_by}</bdi></p>}
      {challenge?.close_reason && <p class="quiet">{text.close_reason} <bdi>{challenge.close_reason}</bdi></p>}
      <p><a href="/inbox" role="button" class="outline secondary">{text.back_to_inbox}</a></p>
    </PlainPage>
  );
}
