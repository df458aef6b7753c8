import { useEffect, useState } from 'preact/hooks';
import { Loading, PlainPage, Problem, use_title } from '../components/basics';
import { explain } from '../passkey';
import { finish_login, take_pending } from '../provider';
import { navigate, safe_return } from '../router';
import { text } from '../text';

const words = text.provider;

/** Where an identity provider sends people back to. */
export function ProviderPage({ query }: { query: string }) {
  use_title(words.heading);
  const [problem, set_problem] = useState('');
  const [back, set_back] = useState('/inbox');

  useEffect(() => {
    const pending = take_pending();
    history.replaceState(null, '', '/provider'); // the code is nobody else's business
    if (pending === undefined) {
      set_problem(words.not_begun);
      return;
    }
    set_back(safe_return(pending.back));
    if (!new URLSearchParams(query).has('code')) {
      set_problem(words.refused);
      return;
    }
    finish_login(pending, query).then(
      () => navigate(safe_return(pending.back), { replace: true }),
      (error: unknown) => set_problem(explain(error)),
    );
  }, []);

  if (problem === '') return <Loading />;
  return (
    <PlainPage heading={words.heading}>
      <Problem>{problem}</Problem>
      <p><a href={back} role="button" class="outline secondary">{words.back}</a></p>
    </PlainPage>
  );
}
