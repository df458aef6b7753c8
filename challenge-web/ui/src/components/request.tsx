import { useState } from 'preact/hooks';
import { api, type Challenge } from '../api';
import { explain } from '../passkey';
import { text } from '../text';
import { date_time } from '../time';
import { announce } from './announce';
import { Problem } from './basics';
import { Revealed } from './sql';

const words = text.challenge;

/** Why the requester needs it: asked of them, shown to those who may approve; and who else may approve, from when on. */
export function Request({ challenge, on_told }: { challenge: Challenge; on_told: (read: Challenge) => void }) {
  const others_did = challenge.proofs.some((proof) => proof.user !== challenge.user);
  const { escalation } = challenge;
  return (
    <section>
      <h2>{words.request_heading}</h2>
      {challenge.request_reason
        ? <blockquote><Revealed>{challenge.request_reason}</Revealed></blockquote>
        : challenge.you === 'approver' && <p>{words.request_none(challenge.user)}</p>}
      {challenge.you === 'requester' && !others_did && <ReasonForm challenge={challenge} on_told={on_told} />}
      {escalation && <p class="quiet">{escalation.happened ? words.escalated(escalation.group) : <>{words.escalates(escalation.group)} {date_time(escalation.at)}.</>}</p>}
    </section>
  );
}

function ReasonForm({ challenge, on_told }: { challenge: Challenge; on_told: (read: Challenge) => void }) {
  const [reason, set_reason] = useState(challenge.request_reason);
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    set_busy(true);
    set_problem('');
    try {
      on_told(await api.give_reason(challenge.id, reason));
      announce(words.request_saved);
    } catch (error) {
      set_problem(explain(error));
    } finally {
      set_busy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label for="request-reason">{words.request_label}</label>
      <input id="request-reason" type="text" maxLength={500} value={reason} onInput={(event) => set_reason(event.currentTarget.value)} />
      {problem && <Problem>{problem}</Problem>}
      <button type="submit" class="outline small" disabled={busy || reason === challenge.request_reason}>{words.request_save}</button>
    </form>
  );
}
