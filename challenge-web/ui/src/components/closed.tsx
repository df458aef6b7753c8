import type { State } from '../api';
import { text } from '../text';
import { PlainPage } from './basics';

/** A challenge that cannot be answered (any more): says which, and no more. */
export function Closed({ state, here }: { state: Exclude<State, 'pending'> | 'not_found'; here?: boolean }) {
  // Released a moment after this page's own approval is, for this reader, still "approved".
  const shown = here && state === 'consumed' ? 'approved' : state;
  const words = text.closed[shown];
  const tone = shown === 'approved' ? 'good' : shown === 'denied' ? 'bad' : 'plain';
  return (
    <PlainPage heading={words.heading} tone={tone}>
      <p>{words.body}</p>
      <p><a href="/inbox" role="button" class="outline secondary">{text.back_to_inbox}</a></p>
    </PlainPage>
  );
}
