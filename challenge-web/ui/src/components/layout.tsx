import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { api } from '../api';
import { end_live } from '../live';
import { explain } from '../passkey';
import { navigate } from '../router';
import { use_session } from '../session';
import { text } from '../text';
import { announce } from './announce';

export function Layout({ path, pending, children }: { path: string; pending: number; children: ComponentChildren }) {
  const session = use_session();
  const pages = session && !session.enrolment_only;
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>{text.skip}</a>
      <header class="top">
        <div class="container top-row">
          <a class="brand" href="/">
            <svg viewBox="0 0 32 32" aria-hidden="true"><path d="M7 26V13a9 9 0 0 1 18 0v13" /><path d="M13 26v-7h6v7" /></svg>
            {text.product}
          </a>
          {pages && (
            <nav aria-label={text.nav.label}>
              <NavLink to="/inbox" path={path}>
                {text.nav.inbox}{pending > 0 && <span class="badge" aria-hidden="true">{pending}</span>}
              </NavLink>
              <NavLink to="/history" path={path}>{text.nav.history}</NavLink>
              <NavLink to="/factors" path={path}>{text.nav.factors}</NavLink>
              <NavLink to="/connect" path={path}>{text.nav.connect}</NavLink>
              <NavLink to="/sessions" path={path}>{text.nav.sessions}</NavLink>
              {session.roles.includes('admin') && <NavLink to="/users" path={path}>{text.nav.users}</NavLink>}
              {session.roles.length > 0 && <NavLink to="/policy" path={path}>{text.nav.policy}</NavLink>}
              {session.roles.includes('auditor') && <NavLink to="/audit" path={path}>{text.nav.audit}</NavLink>}
            </nav>
          )}
          {session && <SignedIn user={session.user} />}
        </div>
      </header>
      <main id="content" class="container" tabIndex={-1}>{children}</main>
    </>
  );
}

/** Without a fragment in the address: on the enrolment page that is where the token comes from. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function NavLink({ to, path, children }: { to: string; path: string; children: ComponentChildren }) {
  const here = path === to || path.startsWith(`${to}/`);
  return <a href={to} aria-current={here ? 'page' : undefined}>{children}</a>;
}

function SignedIn({ user }: { user: string }) {
  const [busy, set_busy] = useState(false);
  const leave = async () => {
    set_busy(true);
    try {
      await api.sign_out();
      end_live();
      navigate('/sign-in');
    } catch (error) {
      announce(explain(error));
    } finally {
      set_busy(false);
    }
  };
  return (
    <div class="signed-in">
      <span class="user"><span class="visually-hidden">{text.nav.signed_in_as} </span><bdi>{user}</bdi></span>
      <button type="button" class="outline secondary small" disabled={busy} onClick={() => void leave()}>{text.nav.sign_out}</button>
    </div>
  );
}
