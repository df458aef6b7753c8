import { useEffect, useState } from 'preact/hooks';
import { api, type IdentityProvider } from '../api';
import { use_attempt } from '../components/attempt';
import { CodeInput, Heading, Problem, RecoveryCodeInput, use_title } from '../components/basics';
import { passkeys_supported, sign_in_with_passkey } from '../passkey';
import { sign_in_at } from '../provider';
import { navigate, safe_return } from '../router';
import { text } from '../text';

const words = text.sign_in;

export function SignInPage({ query }: { query: string }) {
  use_title(text.titles.sign_in);
  const { busy, problem, attempt: ask } = use_attempt();
  const back = new URLSearchParams(query).get('return');

  const [providers, set_providers] = useState<string[]>([]);
  useEffect(() => {
    const keep = (all: IdentityProvider[]) => set_providers(all.filter((one) => one.sign_in).map((one) => one.name));
    api.identity_providers().then(keep, () => set_providers([]));
  }, []);

  const attempt = (how: () => Promise<unknown>, done = true) => ask(async () => {
    await how();
    if (done) navigate(safe_return(back), { replace: true });
  });

  return (
    <section class="narrow">
      <Heading>{words.heading}</Heading>
      <p>{back === null ? words.lead : words.ended}</p>
      {problem && <Problem>{problem}</Problem>}
      {!passkeys_supported() && <Problem>{text.errors.passkey_unsupported}</Problem>}
      <button type="button" class="wide" disabled={busy || !passkeys_supported()} aria-busy={busy}
        onClick={() => void attempt(sign_in_with_passkey)}>
        {busy ? words.passkey_busy : words.passkey}
      </button>
      {providers.map((name) => (
        <button key={name} type="button" class="outline wide" disabled={busy} onClick={() => void attempt(() => sign_in_at(name, safe_return(back)), false)}>
          {words.at_provider(name)}
        </button>
      ))}
      <details class="other-way" open={!passkeys_supported()}>
        <summary>{words.other}</summary>
        <CodeForm busy={busy} attempt={attempt} />
      </details>
      <p class="quiet">{words.first_time}</p>
    </section>
  );
}

/** The database password and a code: of the authenticator app, or from the sheet of recovery codes. */
function CodeForm({ busy, attempt }: { busy: boolean; attempt: (how: () => Promise<unknown>) => Promise<void> }) {
  const [recovery, set_recovery] = useState(false);
  const [user, set_user] = useState('');
  const [password, set_password] = useState('');
  const [code, set_code] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    await attempt(() => (recovery ? api.sign_in_with_recovery_code(user, password, code) : api.sign_in_with_totp(user, password, code)));
    set_code('');
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label for="user">{words.user}</label>
      <input id="user" name="username" type="text" required maxLength={128} autocomplete="username" autocapitalize="none" spellcheck={false}
        value={user} onInput={(event) => set_user(event.currentTarget.value)} />
      <label for="password">{words.password}</label>
      <input id="password" name="password" type="password" required maxLength={1024} autocomplete="current-password"
        value={password} onInput={(event) => set_password(event.currentTarget.value)} />
      {recovery
        ? <RecoveryCodeInput id="recovery-code" label={text.factor.recovery_label} value={code} on_value={set_code} />
        : <CodeInput id="code" label={words.code} value={code} on_value={set_code} />}
      <button type="submit" class="secondary wide" disabled={busy}>{recovery ? words.recovery_submit : words.submit}</button>
      <button type="button" class="outline secondary small" onClick={() => { set_recovery(!recovery); set_code(''); }}>
        {recovery ? words.no_recovery : words.recovery}
      </button>
    </form>
  );
}
