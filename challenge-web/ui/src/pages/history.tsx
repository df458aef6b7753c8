import { useEffect, useState } from 'preact/hooks';
import { api, type PastChallenge, type State } from '../api';
import { announce } from '../components/announce';
import { Chips, Heading, Loading, Problem, use_title } from '../components/basics';
import { Revealed } from '../components/sql';
import { explain } from '../passkey';
import { navigate } from '../router';
import { use_session } from '../session';
import { text } from '../text';
import { date_time } from '../time';

const words = text.history;
const outcomes = Object.keys(text.states) as State[];
const outcome_of = (query: string) => outcomes.find((one) => one === new URLSearchParams(query).get('outcome'));

export function HistoryPage({ query }: { query: string }) {
  use_title(text.titles.history);
  const outcome = outcome_of(query);
  return (
    <section>
      <Heading>{words.heading}</Heading>
      <p>{words.lead}</p>
      <div class="inline-form">
        <label for="outcome">{words.outcome}</label>
        <select
          id="outcome" value={outcome ?? ''}
          onChange={(event) => navigate(event.currentTarget.value === '' ? '/history' : `/history?outcome=${event.currentTarget.value}`)}
        >
          <option value="">{words.any}</option>
          {outcomes.map((one) => <option key={one} value={one}>{text.states[one]}</option>)}
        </select>
      </div>
      <Ended key={outcome ?? ''} outcome={outcome} />
    </section>
  );
}

/** The challenges that ended so; all of them where `outcome` is undefined. */
function Ended({ outcome }: { outcome: State | undefined }) {
  const [challenges, set_challenges] = useState<PastChallenge[]>();
  const [next, set_next] = useState<number | null>(null);
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState('');

  const load = async (known: PastChallenge[], before?: number) => {
    set_busy(true);
    set_problem('');
    try {
      const page = await api.history({ outcome, before });
      set_challenges([...known, ...page.challenges]);
      set_next(page.next);
      announce(words.shown(known.length + page.challenges.length));
    } catch (error) {
      set_problem(explain(error));
    } finally {
      set_busy(false);
    }
  };
  useEffect(() => { void load([]); }, []);

  return (
    <>
      {problem && <Problem>{problem}</Problem>}
      {challenges === undefined && busy && <Loading />}
      {challenges?.length === 0 && next === null && <div class="empty"><strong>{words.empty_heading}</strong><p>{words.empty}</p></div>}
      {challenges && challenges.length > 0 && <ul class="cards">{challenges.map((past) => <Past key={past.id} past={past} />)}</ul>}
      {challenges && next !== null && (
        <button type="button" class="outline" disabled={busy} aria-busy={busy} onClick={() => void load(challenges, next)}>{words.older}</button>
      )}
    </>
  );
}

function Past({ past }: { past: PastChallenge }) {
  const me = use_session()?.user;
  return (
    <li class="card">
      <div class="card-head">
        <span><span class={`state state-${past.outcome}`}>{text.states[past.outcome]}</span> <span class="row-code">{past.code}</span></span>
        <span class="quiet">{date_time(past.opened)}</span>
      </div>
      {past.user !== me && <p class="asks"><bdi>{words.of(past.user)}</bdi></p>}
      <p class="one-statement"><code><Revealed>{past.statement}</Revealed></code></p>
      <Chips kind="rule" items={past.rules} label={text.challenge.rule} />
      <Chips kind="label" items={past.labels} label={text.challenge.labels} />
      <p class="quiet"><bdi>{text.inbox.on(past.database, past.listener)}</bdi></p>
      {past.answers.map((answer) => (
        <p class="quiet" key={answer.at + answer.user + answer.factor}><bdi>{words.answered(answer.user, factor_name(answer.factor), date_time(answer.at))}</bdi></p>
      ))}
      <p class="quiet"><Revealed>{ending(past)}</Revealed></p>
    </li>
  );
}

/** How it ended, in one line; "" while it waits. */
function ending(past: PastChallenge): string {
  if (past.closed === null) return past.reason;
  const when = date_time(past.closed);
  if (past.outcome === 'consumed') return words.released(when, past.releases);
  return words.ended(text.states[past.outcome], when, past.by, past.reason);
}

const factor_name = (factor: string) => (text.factor as Record<string, unknown>)[factor] as string | undefined ?? factor;
