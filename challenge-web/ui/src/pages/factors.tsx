import { useEffect, useState } from 'preact/hooks';
import { api, type Factor } from '../api';
import { AddFactor } from '../components/add_factor';
import { announce } from '../components/announce';
import { ApiTokensSection } from '../components/api_tokens';
import { use_attempt } from '../components/attempt';
import { Elevations } from '../components/elevations';
import { Heading, Loading, Notice, Problem, use_title } from '../components/basics';
import { end_live } from '../live';
import { explain } from '../passkey';
import { forget_push } from '../push';
import { navigate } from '../router';
import { server_now, use_session } from '../session';
import { text } from '../text';
import { ago, date_time } from '../time';

const words = text.factors;

export function FactorsPage() {
  use_title(text.titles.factors);
  const session = use_session();
  const [factors, set_factors] = useState<Factor[]>();
  const [problem, set_problem] = useState('');

  const load = () => api.factors().then(set_factors, (error: unknown) => set_problem(explain(error)));
  useEffect(() => void load(), []);

  const has = (kind: Factor['kind']) => factors?.some((factor) => factor.kind === kind) ?? false;
  const added = (factor: Factor) => {
    announce(words.was_added(factor.name));
    void load();
  };

  return (
    <section>
      <Heading>{words.heading}</Heading>
      <p>{words.lead}</p>
      {problem && <Problem>{problem}</Problem>}
      {factors === undefined && !problem && <Loading />}
      {factors?.length === 0 && <p>{words.empty}</p>}
      {factors && factors.length > 0 && (
        <ul class="cards">
          {factors.map((factor) => <FactorCard key={factor.id} factor={factor} removable={session?.strong ?? false} on_removed={() => void load()} />)}
        </ul>
      )}
      {session && !session.strong ? (session.factors.includes('passkey') ? <Weak /> : <Notice kind="info" heading={words.none_heading}>{words.none}</Notice>) : (
        <>
          <h2>{words.add_heading}</h2>
          <AddFactor on_added={added} push={!!factors?.length} recovery={!!factors?.length && !has('recovery_code')} pin={has('pin') ? 'change' : factors?.length ? 'set' : undefined} />
        </>
      )}
      <Elevations />
      <ApiTokensSection />
    </section>
  );
}

function FactorCard({ factor, removable, on_removed }: { factor: Factor; removable: boolean; on_removed: () => void }) {
  const [asking, set_asking] = useState(false);
  const { busy, problem, attempt } = use_attempt();

  const remove = () => attempt(async () => {
    await api.remove_factor(factor.id);
    await forget_push(factor).catch(() => {}); // nothing is sent to it any more, whatever the browser keeps
    announce(words.removed(factor.name));
    on_removed();
  }, () => set_asking(false));

  return (
    <li class="card">
      <div class="card-head">
        <div>
          <strong><bdi>{factor.name}</bdi></strong> <span class="tag">{text.factor[factor.kind]}</span>
          <p class="quiet">
            {words.added} {date_time(factor.created)} · {factor.last_used ? `${words.last_used} ${ago(factor.last_used, server_now())}` : words.never_used}
          </p>
        </div>
        {removable && !asking && (
          <button type="button" class="outline secondary small" aria-label={words.remove_label(factor.name)} onClick={() => set_asking(true)}>
            {words.remove}
          </button>
        )}
      </div>
      {asking && (
        <div class="question" role="group" aria-label={words.remove_question(factor.name)}>
          <p>{words.remove_question(factor.name)}</p>
          <div class="buttons">
            <button type="button" class="danger small" disabled={busy} onClick={() => void remove()}>{words.remove_yes}</button>
            <button type="button" class="outline secondary small" autofocus onClick={() => set_asking(false)}>{words.remove_no}</button>
          </div>
        </div>
      )}
      {problem && <Problem>{problem}</Problem>}
    </li>
  );
}

function Weak() {
  const { problem, attempt } = use_attempt();
  const leave = () => attempt(async () => {
    await api.sign_out();
    end_live();
    navigate('/sign-in?return=%2Ffactors');
  });
  return (
    <Notice kind="info" heading={words.weak_heading}>
      <p>{words.weak}</p>
      {problem && <Problem>{problem}</Problem>}
      <button type="button" class="outline small" onClick={() => void leave()}>{words.weak_action}</button>
    </Notice>
  );
}
