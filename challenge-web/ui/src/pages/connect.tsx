import { useEffect, useRef, useState } from 'preact/hooks';
import { api, type Connect, type DatabasePassword } from '../api';
import { announce } from '../components/announce';
import { use_attempt } from '../components/attempt';
import { Heading, Loading, Notice, Problem, use_title } from '../components/basics';
import { Copyable } from '../components/copyable';
import { Countdown } from '../components/countdown';
import { explain } from '../passkey';
import { text } from '../text';
import { date_time } from '../time';

const words = text.connect;

export function ConnectPage() {
  use_title(text.titles.connect);
  const [all, set_all] = useState<Connect>();
  const [made, set_made] = useState<DatabasePassword & { password: string }>();
  const { problem, set_problem, attempt: ask } = use_attempt();
  const [database, set_database] = useState(''); // as it is typed
  const asked = useRef({ database: '', count: 0 });
  const load = () => {
    const count = ++asked.current.count;
    const show = (answer: Connect) => { if (count === asked.current.count) set_all(answer); }; // not a late one to an older question
    return api.connect(asked.current.database).then(show, (error: unknown) => set_problem(explain(error)));
  };
  useEffect(() => void load(), []);
  const choose = (chosen: string) => {
    asked.current.database = chosen;
    void load();
  };

  const attempt = async (what: () => Promise<void>) => {
    await ask(what);
    await load();
  };
  const make = () => attempt(async () => set_made(await api.issue_database_password()));
  const revoke = (one: DatabasePassword) => attempt(async () => {
    await api.revoke_database_password(one.id);
    if (made?.id === one.id) set_made(undefined);
    announce(words.revoked);
  });

  return (
    <section>
      <Heading>{words.heading}</Heading>
      {problem && <Problem>{problem}</Problem>}
      {all === undefined && !problem && <Loading />}
      {all && (
        <>
          <p>{words.lead(text.duration(all.lifetime_seconds))}{!all.long_lived && <> {words.only}</>}</p>
          <button type="button" onClick={() => void make()}>{words.make}</button>
          {made && (
            <Notice kind="good" heading={words.password}>
              <Copyable value={made.password} label={words.password} />
              <p>{words.until} {date_time(made.expires)}. {words.paste}</p>
            </Notice>
          )}
          {all.targets.some((target) => target.database === '') && (
            <>
              <label for="database">{words.database}</label>
              <input id="database" value={database} maxLength={64} autocomplete="off" autocapitalize="none" spellcheck={false} aria-describedby="database-hint"
                onInput={(event) => set_database(event.currentTarget.value)} onChange={(event) => choose(event.currentTarget.value.trim())} />
              <small id="database-hint">{words.database_hint}</small>
            </>
          )}
          <ul class="cards">
            {all.targets.map((target) => (
              <li key={target.listener} class="card">
                <strong><bdi>{target.listener}</bdi></strong> <span class="tag">{target.dialect}</span>
                <Copyable value={target.command} label={words.command_label(target.listener)} />
              </li>
            ))}
          </ul>
          <h2>{words.mine}</h2>
          {all.passwords.length === 0 && <p>{words.none}</p>}
          <ul class="cards">
            {all.passwords.map((one) => (
              <li key={one.id} class="card">
                <div class="card-head">
                  <p>{words.made} {date_time(one.created)} · <Countdown expires={one.expires} on_end={() => void load()} /> {words.left}</p>
                  <button type="button" class="outline secondary small" aria-label={words.revoke_label(date_time(one.created))} onClick={() => void revoke(one)}>
                    {words.revoke}
                  </button>
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
