import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, api, type Challenge, type Impact, type Parameter, type Premise } from '../api';
import { Answer } from '../components/answer';
import { announce } from '../components/announce';
import { Chips, Heading, Loading, Notice, PlainPage, Problem, use_title } from '../components/basics';
import { Closed, ending } from '../components/closed';
import { Countdown } from '../components/countdown';
import { Request } from '../components/request';
import { Revealed, Sql } from '../components/sql';
import { live_of } from '../live';
import { explain } from '../passkey';
import { server_clock, use_session } from '../session';
import { text } from '../text';
import { date_time } from '../time';

const words = text.challenge;

export function ChallengePage({ id }: { id: string }) {
  const session = use_session();
  const [challenge, set_challenge] = useState<Challenge>();
  const [missing, set_missing] = useState(false);
  const [problem, set_problem] = useState('');
  const answered_here = useRef(false);
  use_title(challenge?.state === 'pending' ? `${challenge.code} ${text.titles.challenge}` : challenge ? text.closed[challenge.state].heading : text.titles.challenge);

  const show = (read: Challenge) => {
    server_clock.learn(read.server_time, Date.now());
    set_problem('');
    set_challenge((before) => (before !== undefined && before.state !== 'pending' && read.state === 'pending' ? before : read));
  };
  const load = async () => {
    try {
      show(await api.challenge(id));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'not_found') set_missing(true);
      else set_problem(explain(error));
    }
  };

  useEffect(() => { void load(); }, []);
  useEffect(() => {
    if (!session) return;
    return live_of(session.user).subscribe((event) => {
      if (event.kind === 'ready' || (event.kind === 'challenge' && event.challenge.id === id)) void load();
    });
  }, [session?.user]);

  const state = challenge?.state;
  useEffect(() => {
    if (state !== undefined && state !== 'pending') announce(`${text.closed[state].heading}. ${ending(state, challenge)}`);
  }, [state]);

  if (missing) return <Closed state="not_found" />;
  if (challenge === undefined) {
    if (!problem) return <Loading />;
    return (
      <PlainPage heading={text.titles.challenge}>
        <Problem>{problem}</Problem>
        <button type="button" onClick={() => void load()}>{text.reload}</button>
      </PlainPage>
    );
  }
  if (challenge.state !== 'pending') return <Closed state={challenge.state} here={answered_here.current} challenge={challenge} />;
  const answered = (read: Challenge) => {
    answered_here.current = true;
    show(read);
  };
  return <Pending challenge={challenge} on_answered={answered} on_told={show} on_reload={() => void load()} />;
}

function Pending({ challenge, on_answered, on_told, on_reload }: {
  challenge: Challenge; on_answered: (read: Challenge) => void; on_told: (read: Challenge) => void; on_reload: () => void;
}) {
  const mine = challenge.you === 'requester';
  return (
    <section class="challenge">
      <Heading quiet>{mine ? words.heading : words.heading_for(challenge.user)}</Heading>
      <div class="compare">
        <div>
          <span class="compare-label" id="code-label">{words.code_label}</span>
          <output class="code code-big" aria-labelledby="code-label">{challenge.code}</output>
        </div>
        {mine
          ? <p><strong>{words.compare}</strong> {words.differs}</p>
          : <p><strong>{words.compare_for(challenge.user)}</strong> {words.ask_for(challenge.user)}</p>}
        <p class="compare-time"><span class="compare-label">{words.time_left}</span><Countdown expires={challenge.expires} on_end={on_reload} spoken /></p>
      </div>

      {challenge.requirement.approvals > 0 && <Request challenge={challenge} on_told={on_told} />}
      {challenge.run_again && mine && <Notice kind="info">{words.run_again}</Notice>}
      {challenge.in_transaction && <Notice kind="warning" heading={words.transaction_heading}>{words.transaction} {words.transaction_denied(challenge.dialect)}</Notice>}
      <Statements challenge={challenge} />
      {challenge.impact && <Expected impact={challenge.impact} dialect={challenge.dialect} />}
      <div class="facts">
        <Why challenge={challenge} />
        <Touches challenge={challenge} />
      </div>
      <Context challenge={challenge} />
      {challenge.elevation && <Notice kind="info">{words.elevation(challenge.elevation, mine ? 'yours' : challenge.user)}</Notice>}
      <Answer challenge={challenge} on_answered={on_answered} on_reload={on_reload} />
    </section>
  );
}

function Statements({ challenge }: { challenge: Challenge }) {
  const count = challenge.statements.length;
  return (
    <>
      {challenge.statements.map((statement, index) => {
        const name = count === 1 ? words.statement : words.statement_number(index + 1, count);
        return (
          <section class="statement" key={index}>
            <h2>{name}</h2>
            {statement.sql_truncated && <Notice kind="warning">{words.truncated}</Notice>}
            <Sql sql={statement.sql} label={name} />
            <Parameters parameters={statement.parameters} />
            <Premises premises={statement.premises} />
          </section>
        );
      })}
    </>
  );
}

function Parameters({ parameters }: { parameters: Parameter[] }) {
  if (parameters.length === 0) return null;
  return (
    <Values caption={words.parameters} columns={[words.parameter_number, words.parameter_type, words.parameter_value]}>
      {parameters.map(({ value, type }, at) => (
        <tr key={at}>
          <th scope="row">${at + 1}</th>
          <td>{type}</td>
          <td>{value === null ? <em>{words.null_value}</em> : <code><Revealed>{value}</Revealed></code>}</td>
        </tr>
      ))}
    </Values>
  );
}

function Premises({ premises }: { premises: Premise[] }) {
  if (premises.length === 0) return null;
  return (
    <Values caption={words.premises} columns={[words.premise_name, words.parameter_value]}>
      {premises.map(({ name, value }, at) => (
        <tr key={at}>
          <th scope="row"><Revealed>{name}</Revealed></th>
          <td><code><Revealed>{value}</Revealed></code></td>
        </tr>
      ))}
    </Values>
  );
}

function Values({ caption, columns, children }: { caption: string; columns: string[]; children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table class="parameters">
        <caption>{caption}</caption>
        <thead><tr>{columns.map((column) => <th scope="col" key={column}>{column}</th>)}</tr></thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function Expected({ impact, dialect }: { impact: Impact; dialect: string }) {
  const list = (items: string[]) => <ul>{items.map((item) => <li key={item}><code><Revealed>{item}</Revealed></code></li>)}</ul>;
  return (
    <section class="impact" aria-live="polite">
      <h2>{words.impact}</h2>
      {impact.problem !== '' && <p>{words.impact_problem} <Revealed>{impact.problem}</Revealed></p>}
      {impact.rows !== null && <p><strong>{words.impact_rows(impact.rows)}</strong> {words.impact_estimate(dialect)}</p>}
      {impact.tables.length > 0 && <><h3>{words.impact_tables}</h3>{list(impact.tables)}</>}
      {impact.cascades.length > 0 && <><h3>{words.impact_cascades}</h3>{list(impact.cascades)}</>}
      {impact.locks.length > 0 && <><h3>{words.impact_locks}</h3>{list(impact.locks)}</>}
    </section>
  );
}

function Why({ challenge }: { challenge: Challenge }) {
  return (
    <section>
      <h2>{words.why}</h2>
      <ul class="reasons">
        {challenge.reasons.map(({ rule, because }) => (
          <li key={rule}>
            <span><Revealed>{because || words.no_reason}</Revealed></span>
            <small>{words.rule} <code>{rule}</code></small>
          </li>
        ))}
        {challenge.opaque_reasons.map((reason) => (
          <li key={reason}><span>{words.opaque}: <Revealed>{reason}</Revealed></span></li>
        ))}
      </ul>
    </section>
  );
}

function Touches({ challenge }: { challenge: Challenge }) {
  if (challenge.tables.length === 0 && challenge.labels.length === 0) return null;
  return (
    <section>
      <h2>{words.touches}</h2>
      <Chips kind="table" items={challenge.tables} label={words.touches} />
      {challenge.labels.length > 0 && <h3>{words.labels}</h3>}
      <Chips kind="label" items={challenge.labels} label={words.labels} />
    </section>
  );
}

function Context({ challenge }: { challenge: Challenge }) {
  const rows: [string, string][] = [
    [words.user, challenge.user], [words.role, challenge.role], [words.database, challenge.database],
    [words.application, challenge.application ?? ''], [words.from, challenge.client_address], [words.listener, challenge.listener],
    [words.opened, date_time(challenge.opened)], [words.session, challenge.session],
  ];
  return (
    <section>
      <h2>{words.context}</h2>
      <dl class="context">
        {rows.map(([name, value]) => (
          <div key={name}><dt>{name}</dt><dd>{value === '' ? <span class="quiet">{words.none}</span> : <bdi><Revealed>{value}</Revealed></bdi>}</dd></div>
        ))}
      </dl>
    </section>
  );
}
