import { useEffect, useState } from 'preact/hooks';
import { api, type DatabaseSession, type WebSession } from '../api';
import { announce } from '../components/announce';
import { use_attempt } from '../components/attempt';
import { Heading, Loading, Problem, use_title } from '../components/basics';
import { Question } from '../components/question';
import { end_live } from '../live';
import { explain } from '../passkey';
import { navigate } from '../router';
import { server_now, use_session } from '../session';
import { text } from '../text';
import { ago, date_time } from '../time';

const words = text.sessions;
const look_again = 5000; // ms: sessions come and go

export function SessionsPage() {
  use_title(text.titles.sessions);
  return (
    <section>
      <Heading>{words.heading}</Heading>
      <WebSessions />
      <DatabaseSessions />
    </section>
  );
}

function WebSessions() {
  const [sessions, set_sessions] = useState<WebSession[]>();
  const { problem, set_problem, attempt } = use_attempt();
  const load = () => api.web_sessions().then(set_sessions, (error: unknown) => set_problem(explain(error)));
  useEffect(() => void load(), []);

  const leave = (act: () => Promise<void>, here: boolean) => attempt(async () => {
    await act();
    if (here) {
      end_live();
      navigate('/sign-in');
      return;
    }
    announce(words.signed_out);
    await load();
  });

  return (
    <>
      <h2>{words.web_heading}</h2>
      <p>{words.web_lead}</p>
      {problem && <Problem>{problem}</Problem>}
      {sessions === undefined && !problem && <Loading />}
      {sessions && (
        <ul class="cards">
          {sessions.map((one) => (
            <li key={one.id} class="card">
              <div class="card-head">
                <div>
                  <strong><bdi>{one.browser || words.unknown_browser}</bdi></strong>
                  {one.current && <> <span class="tag">{words.current}</span></>}
                  {one.strong && <> <span class="tag">{words.strong}</span></>}
                  <p class="quiet">{words.from} <bdi>{one.client_address}</bdi> · {words.since} {date_time(one.created)} · {words.last_seen} {ago(one.last_seen, server_now())}</p>
                </div>
                <button
                  type="button" class="outline secondary small" aria-label={words.sign_out_label(one.browser || words.unknown_browser)}
                  onClick={() => void leave(() => api.end_web_session(one), one.current)}
                >
                  {words.sign_out}
                </button>
              </div>
            </li>
          ))}
        </ul>
      )}
      <Question
        action={words.everywhere} label={words.everywhere} question={words.everywhere_question} yes={words.everywhere_yes} no={words.everywhere_no}
        on_yes={() => leave(() => api.sign_out_everywhere(), true)}
      />
    </>
  );
}

function DatabaseSessions() {
  const admin = use_session()?.roles.includes('admin') ?? false;
  const [sessions, set_sessions] = useState<DatabaseSession[]>();
  const { problem, set_problem, attempt } = use_attempt();
  const load = () => api.database_sessions().then(set_sessions, (error: unknown) => set_problem(explain(error)));
  useEffect(() => {
    void load();
    const timer = setInterval(() => { if (!document.hidden) void load(); }, look_again);
    return () => clearInterval(timer);
  }, []);

  const end = (one: DatabaseSession) => attempt(async () => {
    await api.end_database_session(one.id);
    announce(words.end_done);
    set_sessions((all) => all?.filter((other) => other.id !== one.id));
  });

  return (
    <>
      <h2>{words.database_heading}</h2>
      <p>{admin ? words.database_all : words.database_lead}</p>
      {problem && <Problem>{problem}</Problem>}
      {sessions === undefined && !problem && <Loading />}
      {sessions?.length === 0 && <p>{words.database_empty}</p>}
      {sessions && sessions.length > 0 && (
        <ul class="cards">
          {sessions.map((one) => (
            <li key={one.id} class="card">
              <strong><bdi>{text.inbox.on(one.database, one.listener)}</bdi></strong> <span class="tag"><bdi>{one.user}</bdi></span>
              {one.held !== null && <> <span class="tag">{words.held(one.held)}</span></>}
              <p class="quiet">
                {one.application && <><bdi>{one.application}</bdi> · </>}{words.from} <bdi>{one.client_address}</bdi> · {words.since} {date_time(one.started)}
              </p>
              <Question
                action={words.end} label={words.end_label(one.user, one.database, date_time(one.started))} question={words.end_question(one.user, one.database)}
                yes={words.end_yes} no={words.end_no} on_yes={() => end(one)}
              />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
