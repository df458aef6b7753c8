import { useEffect, useState } from 'preact/hooks';
import { api, type ApiToken, type ApiTokens, type NewApiToken } from '../api';
import { explain } from '../passkey';
import { server_now, use_session } from '../session';
import { text } from '../text';
import { ago, date_time } from '../time';
import { announce } from './announce';
import { use_attempt } from './attempt';
import { Notice, Problem } from './basics';
import { Copyable } from './copyable';
import { Question } from './question';

const words = text.tokens;

/** Tokens for programs: those there are, and a form for another one. Admins see everyone's. */
export function ApiTokensSection() {
  const session = use_session();
  const [all, set_all] = useState<ApiTokens>();
  const [made, set_made] = useState<NewApiToken>();
  const { problem, set_problem, attempt } = use_attempt();
  const load = () => api.api_tokens().then(set_all, (error: unknown) => set_problem(explain(error)));
  useEffect(() => void load(), []);

  const add = (name: string, scopes: string[], days: number) => attempt(async () => {
    set_made(await api.add_api_token(name, scopes, days));
    announce(words.was_made);
    await load();
  });
  const revoke = (token: ApiToken) => attempt(async () => {
    await api.revoke_api_token(token.id);
    if (made?.id === token.id) set_made(undefined);
    announce(words.revoked);
    await load();
  });

  return (
    <>
      <h2>{words.heading}</h2>
      <p>{words.lead}</p>
      {problem && <Problem>{problem}</Problem>}
      {made && (
        <Notice kind="good" heading={words.shown_once}>
          <Copyable value={made.token} label={words.shown_once} />
          <p>{words.until} {date_time(made.expires)}.</p>
        </Notice>
      )}
      {all?.tokens.length === 0 && <p>{words.none}</p>}
      {all && all.tokens.length > 0 && (
        <ul class="cards">
          {all.tokens.map((token) => <TokenCard key={token.id} token={token} mine={token.user === session?.user} on_revoke={() => revoke(token)} />)}
        </ul>
      )}
      {all && session?.strong && <AddToken scopes={all.scopes} on_add={add} />}
    </>
  );
}

function TokenCard({ token, mine, on_revoke }: { token: ApiToken; mine: boolean; on_revoke: () => Promise<void> }) {
  return (
    <li class="card">
      <strong><bdi>{token.name}</bdi></strong>
      {!mine && <> <span class="tag"><bdi>{token.user}</bdi></span></>}
      <p class="quiet">
        {token.scopes.join(', ')} · {words.until} {date_time(token.expires)} ·{' '}
        {token.last_used ? <>{words.last_used} {ago(token.last_used, server_now())} {words.from} <bdi>{token.last_address}</bdi></> : words.never_used}
      </p>
      <Question action={words.revoke} label={words.revoke_label(token.name)} question={words.revoke_question(token.name)} yes={words.revoke_yes} no={words.revoke_no} on_yes={on_revoke} />
    </li>
  );
}

function AddToken({ scopes, on_add }: { scopes: string[]; on_add: (name: string, scopes: string[], days: number) => Promise<void> }) {
  const [name, set_name] = useState('');
  const [days, set_days] = useState(30);
  const [chosen, set_chosen] = useState<string[]>([]);
  const toggle = (scope: string) => set_chosen(chosen.includes(scope) ? chosen.filter((one) => one !== scope) : [...chosen, scope]);
  const submit = (event: Event) => {
    event.preventDefault();
    void on_add(name, chosen, days).then(() => {
      set_name('');
      set_chosen([]);
    });
  };
  return (
    <form onSubmit={submit}>
      <h3>{words.add_heading}</h3>
      <label for="token-name">{words.name}</label>
      <input id="token-name" type="text" required maxLength={64} value={name} autocomplete="off" onInput={(event) => set_name(event.currentTarget.value)} />
      <fieldset>
        <legend>{words.may}</legend>
        {scopes.map((scope) => (
          <label key={scope}>
            <input type="checkbox" checked={chosen.includes(scope)} onChange={() => toggle(scope)} /> {words.scope[scope] ?? scope}
          </label>
        ))}
      </fieldset>
      <label for="token-days">{words.lasts}</label>
      <select id="token-days" value={days} onChange={(event) => set_days(Number(event.currentTarget.value))}>
        {[7, 30, 90, 365].map((count) => <option key={count} value={count}>{words.days(count)}</option>)}
      </select>
      <button type="submit" disabled={name === '' || chosen.length === 0}>{words.add}</button>
    </form>
  );
}
