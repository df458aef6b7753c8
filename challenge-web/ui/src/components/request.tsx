import { useState } from 'preact/hooks';
import { api, type Challenge } from '../api';
import { text } from '../text';
import { date_time } from '../time';
import { announce } from './announce';
import { use_attempt } from './attempt';
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
  const { busy, problem, attempt } = use_attempt();
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      on_told(await api.give_reason(challenge.id, reason));
      announce(words.request_saved);
    });
  };
  return (
    <form onSubmit={submit}>
      <label for="request-reason">{words.request_label}</label>
      <input id="request-reason" type="text" maxLength={500} value={reason} onInput={(event) => set_reason(event.currentTarget.value)} />
      {problem && <Problem>{problem}</Problem>}
      <button type="submit" class="outline small" disabled={busy || reason === challenge.request_reason}>{words.request_save}</button>
    </form>
  );
}
