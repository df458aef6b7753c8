import type { Challenge, State } from '../api';
import { text } from '../text';
import { PlainPage } from './basics';

type Props = { state: Exclude<State, 'pending'> | 'not_found'; here?: boolean; challenge?: Challenge };

/** A challenge that cannot be answered (any more): says how it ended, by whom and why. Of one that is not there, no more. */
export function Closed({ state, here, challenge }: Props) {
  // Released a moment after this page's own approval is, for this reader, still "approved".
  const shown = here && state === 'consumed' ? 'approved' : state;
  const words = text.closed[shown];
  const tone = shown === 'approved' ? 'good' : shown === 'denied' ? 'bad' : 'plain';
  return (
    <PlainPage heading={words.heading} tone={tone}>
      <p>{words.body}</p>
      {challenge?.closed_by && <p class="quiet">{text.closed_by} <bdi>{challenge.closed_by}</bdi></p>}
      {challenge?.close_reason && <p class="quiet">{text.close_reason} <bdi>{challenge.close_reason}</bdi></p>}
      <p><a href="/inbox" role="button" class="outline secondary">{text.back_to_inbox}</a></p>
    </PlainPage>
  );
}
