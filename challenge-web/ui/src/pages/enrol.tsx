import { useEffect, useState } from 'preact/hooks';
import { ApiError, api, type Factor } from '../api';
import { AddFactor } from '../components/add_factor';
import { announce } from '../components/announce';
import { Heading, PlainPage, Problem, use_title } from '../components/basics';
import { explain } from '../passkey';
import { use_session } from '../session';
import { text } from '../text';

const words = text.enrol;

/** Takes the token out of the address at once: it must not stay in the history or be copied with the address. */
function take_token(): string {
  const token = location.hash.slice(1);
  if (token !== '') history.replaceState(null, '', '/enrol');
  return token;
}

export function EnrolPage() {
  use_title(text.titles.enrol);
  const session = use_session();
  const [token, set_token] = useState(take_token);
  const [added, set_added] = useState<Factor>();
  const [refused, set_refused] = useState<'invalid' | 'sign_in'>();

  useEffect(() => {
    const another = () => {
      const taken = take_token();
      if (taken === '') return;
      set_token(taken);
      set_refused(undefined);
      set_added(undefined);
    };
    window.addEventListener('hashchange', another);
    return () => window.removeEventListener('hashchange', another);
  }, []);

  if (added) return <Done factor={added} on_another={() => set_added(undefined)} />;
  if (refused === 'invalid') return <PlainPage heading={words.invalid_heading}><p>{words.invalid}</p></PlainPage>;
  if (refused === 'sign_in') {
    return (
      <PlainPage heading={words.sign_in_heading}>
        <p>{words.sign_in}</p>
        <p><a href="/sign-in?return=%2Ffactors" role="button">{text.sign_in.heading}</a></p>
      </PlainPage>
    );
  }
  if (token !== '') return <Redeem token={token} on_redeemed={() => set_token('')} on_refused={set_refused} />;
  if (session) return <Choose user={session.user} on_added={set_added} />;
  return <PlainPage heading={words.heading}><p>{words.no_token}</p></PlainPage>;
}

function Redeem({ token, on_redeemed, on_refused }: {
  token: string; on_redeemed: () => void; on_refused: (why: 'invalid' | 'sign_in') => void;
}) {
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState('');
  const redeem = async () => {
    set_busy(true);
    set_problem('');
    try {
      await api.redeem_enrolment(token);
      on_redeemed();
    } catch (error) {
      if (error instanceof ApiError && error.code === 'enrolment_invalid') return on_refused('invalid');
      if (error instanceof ApiError && error.code === 'enrolment_needs_sign_in') return on_refused('sign_in');
      set_problem(explain(error));
    } finally {
      set_busy(false);
    }
  };
  return (
    <section class="narrow">
      <Heading>{words.heading}</Heading>
      <p>{words.lead}</p>
      <p>{words.once}</p>
      {problem && <Problem>{problem}</Problem>}
      <button type="button" class="wide" disabled={busy} aria-busy={busy} onClick={() => void redeem()}>{words.start}</button>
    </section>
  );
}

function Choose({ user, on_added }: { user: string; on_added: (factor: Factor) => void }) {
  return (
    <section>
      <Heading>{words.heading}</Heading>
      <p>{words.choose(user)}</p>
      <p class="quiet">{words.passkey_first}</p>
      <AddFactor on_added={on_added} />
    </section>
  );
}

function Done({ factor, on_another }: { factor: Factor; on_another: () => void }) {
  const strong = use_session()?.strong ?? false;
  useEffect(() => announce(words.done(factor.name)), [factor]);
  return (
    <PlainPage heading={words.done_heading} tone="good">
      <p>{words.done(factor.name)}</p>
      <h2>{words.next_heading}</h2>
      <ol>{words.next.map((step) => <li key={step}>{step}</li>)}</ol>
      <div class="buttons">
        <a href="/inbox" role="button">{words.to_inbox}</a>
        {strong && <button type="button" class="outline secondary" onClick={on_another}>{words.add_another}</button>}
      </div>
      <p class="quiet">{strong ? words.add_another_why : words.no_passkey}</p>
    </PlainPage>
  );
}
