import { useEffect, useState } from 'preact/hooks';
import type { ChallengeSummary } from '../api';
import { announce } from '../components/announce';
import { Chips, Heading, Loading, use_title } from '../components/basics';
import { Countdown } from '../components/countdown';
import { Revealed } from '../components/sql';
import { desktop_state, turn_off, turn_on } from '../desktop';
import { is_pending, pending_of, type Inbox } from '../inbox';
import { server_now, use_session } from '../session';
import { text } from '../text';
import { ago } from '../time';

const words = text.inbox;

export function InboxPage({ inbox }: { inbox: Inbox }) {
  const pending = pending_of(inbox);
  const recent = (inbox.challenges ?? []).filter((challenge) => !is_pending(challenge, server_now()));
  use_title(words.title(pending.length));
  useEffect(() => { if (inbox.challenges) announce(words.announce(pending.length)); }, [pending.length, inbox.challenges === undefined]);

  return (
    <section>
      <div class="heading-row">
        <Heading>{words.heading}</Heading>
        <span class={inbox.connected ? 'live live-on' : 'live'} role="status">{inbox.connected ? words.live : words.reconnecting}</span>
      </div>
      <Desktop />
      {inbox.challenges === undefined && <Loading />}
      {inbox.challenges && (
        <>
          <h2>{words.pending}</h2>
          {pending.length === 0
            ? <div class="empty"><strong>{words.empty_heading}</strong><p>{words.empty}</p></div>
            : <ul class="cards">{pending.map((challenge) => <Waiting key={challenge.id} challenge={challenge} on_end={inbox.reload} />)}</ul>}
          <h2>{words.recent}</h2>
          {recent.length === 0
            ? <p class="quiet">{words.no_recent}</p>
            : <ul class="rows">{recent.map((challenge) => <Past key={challenge.id} challenge={challenge} />)}</ul>}
        </>
      )}
    </section>
  );
}

/** Whether the desktop tells of statements that wait: only after this button. */
function Desktop() {
  const [state, set_state] = useState(desktop_state);
  if (state === 'unsupported') return null;
  if (state === 'refused') return <p class="quiet">{text.desktop.refused}</p>;
  return state === 'on'
    ? <p><button type="button" class="outline secondary small" onClick={() => set_state(turn_off())}>{text.desktop.off}</button></p>
    : <p><button type="button" class="outline secondary small" onClick={() => void turn_on().then(set_state)}>{text.desktop.on}</button></p>;
}

function Waiting({ challenge, on_end }: { challenge: ChallengeSummary; on_end: () => void }) {
  const session = use_session();
  return (
    <li class="card card-pending">
      {session && challenge.user !== session.user && <p class="asks"><strong>{words.asks(challenge.user)}</strong></p>}
      <div class="card-head">
        <span class="code">{challenge.code}</span>
        <span class="time-left"><Countdown expires={challenge.expires} on_end={on_end} /> {words.left}</span>
      </div>
      <p class="one-statement"><code><Revealed>{challenge.statement}</Revealed></code></p>
      <div class="card-foot">
        <div>
          <p class="quiet"><bdi>{words.on(challenge.database, challenge.listener)}</bdi>{challenge.application && <> · <bdi>{challenge.application}</bdi></>}</p>
          <Chips kind="label" items={challenge.labels} label={text.challenge.labels} />
        </div>
        <a role="button" href={`/c/${challenge.id}`} aria-label={`${words.review} ${challenge.code}`}>{words.review}</a>
      </div>
    </li>
  );
}

function Past({ challenge }: { challenge: ChallengeSummary }) {
  const state = challenge.state === 'pending' ? 'expired' : challenge.state;
  return (
    <li class="row">
      <span class={`state state-${state}`}>{text.states[state]}</span>
      <span class="row-code">{challenge.code}</span>
      <code class="row-statement"><Revealed>{challenge.statement}</Revealed></code>
      <span class="quiet row-when">{ago(challenge.closed ?? challenge.opened, server_now())}</span>
    </li>
  );
}
