import '@picocss/pico/css/pico.min.css';
import './style.css';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Announcer } from './components/announce';
import { Loading, PlainPage, Problem, use_title } from './components/basics';
import { Layout } from './components/layout';
import { pending_of, use_inbox, type Inbox } from './inbox';
import { AuditPage } from './pages/audit';
import { AuditRecordPage } from './pages/audit_record';
import { ChallengePage } from './pages/challenge';
import { ConnectPage } from './pages/connect';
import { EnrolPage } from './pages/enrol';
import { FactorsPage } from './pages/factors';
import { HistoryPage } from './pages/history';
import { InboxPage } from './pages/inbox';
import { PolicyPage } from './pages/policy';
import { ProviderPage } from './pages/provider';
import { SessionsPage } from './pages/sessions';
import { SignInPage } from './pages/sign_in';
import { UsersPage } from './pages/users';
import { explain } from './passkey';
import { follow_messages } from './push';
import { follow_links, navigate, parse, sign_in_address, use_location, type Route } from './router';
import { load_session, use_session } from './session';
import { text } from './text';

function App() {
  const { path, query } = use_location();
  const session = use_session();
  const inbox = use_inbox(session);
  const [problem, set_problem] = useState('');

  const load = () => {
    set_problem('');
    load_session().catch((error: unknown) => set_problem(explain(error)));
  };
  useEffect(load, []);
  useEffect(() => {
    document.addEventListener('click', follow_links);
    return () => document.removeEventListener('click', follow_links);
  }, []);
  useEffect(() => { window.scrollTo(0, 0); }, [path]);

  return (
    <>
      <Layout path={path} pending={pending_of(inbox).length}>
        {problem
          ? <PlainPage heading={text.product}><Problem>{problem}</Problem><button type="button" onClick={load}>{text.reload}</button></PlainPage>
          : session === undefined ? <Loading /> : <Page route={parse(path)} here={path + query} query={query} inbox={inbox} />}
      </Layout>
      <Announcer />
    </>
  );
}

/** The page at this address, or where the user has to go first. A key makes it another page for what else it is asked: an answer that comes late is for the old one. */
function Page({ route, here, query, inbox }: { route: Route; here: string; query: string; inbox: Inbox }) {
  const session = use_session();
  if (route.page === 'enrol') return <EnrolPage />;
  if (route.page === 'not_found') return <NotFound />;
  if (route.page === 'provider') return <ProviderPage query={query} />;
  if (session === null && route.page !== 'sign_in') return <GoTo to={sign_in_address(here)} />;
  if (session?.enrolment_only && route.page !== 'sign_in') return <GoTo to="/enrol" />;
  switch (route.page) {
    case 'home': return <GoTo to="/inbox" />;
    case 'sign_in': return <SignInPage query={query} />;
    case 'inbox': return <InboxPage inbox={inbox} />;
    case 'challenge': return <ChallengePage key={route.id} id={route.id} />;
    case 'audit': return <AuditPage key={query} query={query} />;
    case 'audit_record': return <AuditRecordPage key={route.sequence} sequence={route.sequence} />;
    case 'factors': return <FactorsPage />;
    case 'users': return <UsersPage />;
    case 'connect': return <ConnectPage />;
    case 'history': return <HistoryPage query={query} />;
    case 'policy': return <PolicyPage />;
    case 'sessions': return <SessionsPage />;
  }
}

function GoTo({ to }: { to: string }) {
  useEffect(() => navigate(to, { replace: true }), [to]);
  return <Loading />;
}

function NotFound() {
  use_title(text.titles.not_found);
  return (
    <PlainPage heading={text.not_found.heading}>
      <p>{text.not_found.body}</p>
      <p><a href="/inbox" role="button" class="outline secondary">{text.back_to_inbox}</a></p>
    </PlainPage>
  );
}

follow_messages();
render(<App />, document.getElementById('app')!);
