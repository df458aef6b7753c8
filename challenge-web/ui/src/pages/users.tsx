import { useEffect, useState } from 'preact/hooks';
import { ApiError, api, type EnrolmentLink, type User } from '../api';
import { announce } from '../components/announce';
import { use_attempt } from '../components/attempt';
import { Heading, Loading, Notice, PlainPage, Problem, use_title } from '../components/basics';
import { Groups } from '../components/groups';
import { Question } from '../components/question';
import { explain } from '../passkey';
import { use_session } from '../session';
import { text } from '../text';
import { date_time } from '../time';

const words = text.users;
const names_of = (typed: string) => typed.split(/\s+/).filter((name) => name !== '');

export function UsersPage() {
  use_title(text.titles.users);
  const [users, set_users] = useState<User[]>();
  const [problem, set_problem] = useState('');
  const [forbidden, set_forbidden] = useState(false);
  const load = () => api.users().then(set_users, (error: unknown) => {
    if (error instanceof ApiError && error.code === 'needs_role') set_forbidden(true);
    else set_problem(explain(error));
  });
  useEffect(() => void load(), []);

  if (forbidden) return <PlainPage heading={words.needs_role_heading}><p>{words.needs_role}</p></PlainPage>;
  return (
    <section>
      <Heading>{words.heading}</Heading>
      <p>{words.lead}</p>
      {problem && <Problem>{problem}</Problem>}
      {users === undefined && !problem && <Loading />}
      {users && <ul class="cards">{users.map((user) => <UserCard key={user.name} user={user} on_changed={() => void load()} />)}</ul>}
      {users && <Groups users={users} on_changed={() => void load()} />}
      <h2>{words.add_heading}</h2>
      <AddUser on_added={() => void load()} />
    </section>
  );
}

function UserCard({ user, on_changed }: { user: User; on_changed: () => void }) {
  const me = use_session()?.user === user.name;
  const stored = user.groups.join(' ');
  const [groups, set_groups] = useState(stored);
  useEffect(() => set_groups(stored), [stored]); // changed below, or by somebody else
  const [link, set_link] = useState<EnrolmentLink>();
  const { problem, attempt: ask } = use_attempt();
  const id = `groups-${user.name}`;

  const attempt = async (what: () => Promise<unknown>, said = '') => {
    await ask(async () => {
      await what();
      if (said) announce(said);
    });
    on_changed();
  };
  const save = (event: Event) => {
    event.preventDefault();
    void attempt(() => api.set_user_groups(user, names_of(groups)), words.saved(user.name));
  };

  return (
    <li class="card">
      <strong><bdi>{user.name}</bdi></strong>
      {me && <> <span class="tag">{words.you}</span></>}
      {user.roles.map((role) => <> <span class="tag" key={role}>{role}</span></>)}
      {user.disabled && <> <span class="tag">{words.disabled}</span></>}
      <p class="quiet">{user.factors.length === 0 ? words.no_factors : user.factors.map((kind) => text.factor[kind]).join(', ')}</p>
      {me ? <p>{user.groups.length === 0 ? words.no_groups : <bdi>{user.groups.join(', ')}</bdi>}</p> : (
        <>
          <form class="inline-form" onSubmit={save}>
            <label for={id}>{words.groups_label(user.name)}</label>
            <input id={id} type="text" placeholder={words.groups_hint} value={groups} spellcheck={false} autocomplete="off" onInput={(event) => set_groups(event.currentTarget.value)} />
            <button type="submit" class="outline secondary small" aria-label={words.save_label(user.name)} disabled={groups === stored}>{words.save}</button>
          </form>
          <div class="buttons">
            {user.disabled
              ? <button type="button" class="outline small" aria-label={words.enable_label(user.name)} onClick={() => void attempt(() => api.set_user_disabled(user.name, false))}>{words.enable}</button>
              : <Question action={words.disable} label={words.disable_label(user.name)} question={words.disable_question(user.name)} yes={words.disable_yes} no={words.disable_no}
                  on_yes={() => attempt(() => api.set_user_disabled(user.name, true))} />}
            {!user.disabled && user.factors.length === 0 && (
              <button type="button" class="outline secondary small" aria-label={words.link_label(user.name)} onClick={() => void attempt(async () => set_link(await api.make_enrolment_link(user.name)))}>
                {words.link}
              </button>
            )}
          </div>
        </>
      )}
      {link && <Notice kind="good"><p>{words.link_shown(user.name)} {date_time(link.expires)}:</p><code>{link.link}</code></Notice>}
      {problem && <Problem>{problem}</Problem>}
    </li>
  );
}

function AddUser({ on_added }: { on_added: () => void }) {
  const [name, set_name] = useState('');
  const [groups, set_groups] = useState('');
  const [auditor, set_auditor] = useState(false);
  const { problem, attempt } = use_attempt();
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      await api.add_user(name, names_of(groups), auditor);
      announce(words.added(name));
      set_name('');
      set_groups('');
      set_auditor(false);
      on_added();
    });
  };
  return (
    <form onSubmit={submit}>
      <label for="new-user">{words.name}</label>
      <input id="new-user" type="text" maxLength={63} required spellcheck={false} autocomplete="off" value={name} onInput={(event) => set_name(event.currentTarget.value)} />
      <label for="new-groups">{words.groups}</label>
      <input id="new-groups" type="text" placeholder={words.groups_hint} spellcheck={false} autocomplete="off" value={groups} onInput={(event) => set_groups(event.currentTarget.value)} />
      <label><input type="checkbox" checked={auditor} onChange={(event) => set_auditor(event.currentTarget.checked)} /> {words.auditor}</label>
      {problem && <Problem>{problem}</Problem>}
      <button type="submit" disabled={name === ''}>{words.add}</button>
    </form>
  );
}
