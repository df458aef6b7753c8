import { useState } from 'preact/hooks';
import { api, type User } from '../api';
import { use_session } from '../session';
import { text } from '../text';
import { announce } from './announce';
import { use_attempt } from './attempt';
import { Problem } from './basics';
import { Question } from './question';

const words = text.users;

/** Who is in which group. Nobody changes themselves, so those rows have no button. */
export function Groups({ users, on_changed }: { users: User[]; on_changed: () => void }) {
  const names = [...new Set(users.flatMap((user) => user.groups))].sort();
  if (names.length === 0) return null;
  return (
    <>
      <h2>{words.by_group}</h2>
      <p>{words.by_group_lead}</p>
      <ul class="cards">{names.map((name) => <Group key={name} name={name} users={users} on_changed={on_changed} />)}</ul>
    </>
  );
}

function Group({ name, users, on_changed }: { name: string; users: User[]; on_changed: () => void }) {
  const me = use_session()?.user;
  const [chosen, set_chosen] = useState('');
  const { problem, attempt } = use_attempt();
  const members = users.filter((user) => user.groups.includes(name));
  const others = users.filter((user) => !user.groups.includes(name) && user.name !== me);
  const id = `put-${name}`;

  const change = (user: User, groups: string[]) => attempt(async () => {
    await api.set_user_groups(user, groups);
    announce(words.saved(user.name));
    set_chosen('');
    on_changed();
  }, on_changed);
  const put = (event: Event) => {
    event.preventDefault();
    const user = others.find((one) => one.name === chosen);
    if (user) void change(user, [...user.groups, name]);
  };

  return (
    <li class="card">
      <h3><bdi>{name}</bdi></h3>
      <ul class="members" aria-label={words.members(name)}>
        {members.map((user) => (
          <li key={user.name}>
            <bdi>{user.name}</bdi>
            {user.name !== me && (
              <Question
                action={words.remove} label={words.remove_label(user.name, name)} question={words.remove_question(user.name, name)}
                yes={words.remove_yes} no={words.disable_no} on_yes={() => change(user, user.groups.filter((group) => group !== name))}
              />
            )}
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <form class="inline-form" onSubmit={put}>
          <label for={id}>{words.put_label(name)}</label>
          <select id={id} value={chosen} onChange={(event) => set_chosen(event.currentTarget.value)}>
            <option value="">{words.choose}</option>
            {others.map((user) => <option key={user.name} value={user.name}>{user.name}</option>)}
          </select>
          <button type="submit" class="outline secondary small" aria-label={words.put_to(name)} disabled={chosen === ''}>{words.put}</button>
        </form>
      )}
      {problem && <Problem>{problem}</Problem>}
    </li>
  );
}
