import { useEffect, useState } from 'preact/hooks';
import { ApiError, api, type Policy, type RuleCounts, type RuleInForce } from '../api';
import { Heading, Loading, PlainPage, Problem, use_title } from '../components/basics';
import { explain } from '../passkey';
import { use_session } from '../session';
import { text } from '../text';
import { date_time } from '../time';

const words = text.policy;
const counted: (keyof RuleCounts)[] = ['matched', 'held', 'approved', 'denied', 'expired'];

export function PolicyPage() {
  use_title(text.titles.policy);
  const [policy, set_policy] = useState<Policy>();
  const [problem, set_problem] = useState('');
  const [forbidden, set_forbidden] = useState(false);
  const load = () => {
    set_problem('');
    api.policy().then(set_policy, (error: unknown) => {
      if (error instanceof ApiError && error.code === 'needs_role') set_forbidden(true);
      else set_problem(explain(error));
    });
  };
  useEffect(load, []);

  if (forbidden) return <PlainPage heading={words.needs_role_heading}><p>{words.needs_role}</p></PlainPage>;
  return (
    <section>
      <Heading>{words.heading}</Heading>
      <p>{words.lead}</p>
      {problem && <><Problem>{problem}</Problem><button type="button" onClick={load}>{text.reload}</button></>}
      {policy === undefined && !problem && <Loading />}
      {policy && (
        <>
          <p class="quiet">{words.revision} <code class="hash">{policy.revision.slice(0, 12)}</code> · {words.loaded} {date_time(policy.loaded)} · {words.rules(policy.rules.length)}</p>
          <ul class="cards">{policy.rules.map((rule) => <Rule key={rule.id} rule={rule} />)}</ul>
        </>
      )}
    </section>
  );
}

function Rule({ rule }: { rule: RuleInForce }) {
  const auditor = use_session()?.roles.includes('auditor') ?? false;
  return (
    <li class="card">
      <div class="card-head">
        <div>
          <strong><bdi>{rule.id}</bdi></strong> <span class="tag">{text.audit.actions[rule.action] ?? rule.action}</span>
          {rule.challenge && <> <span class="tag">{words.level(rule.challenge.level)}</span></>}
        </div>
        <span class="quiet"><bdi>{rule.file === null ? words.a_default : `${rule.file}:${rule.line}`}</bdi></span>
      </div>
      {rule.because && <p><bdi>{rule.because}</bdi></p>}
      {rule.challenge && needs(rule.challenge).map((line) => <p class="quiet" key={line}><bdi>{line}</bdi></p>)}
      {rule.last === null ? <p class="quiet">{words.never}</p> : (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label={words.counts_of(rule.id)}>
            <table class="tally">
              <thead><tr><th scope="col"><span class="visually-hidden">{words.when}</span></th>{counted.map((what) => <th scope="col" key={what}>{words.counts[what]}</th>)}</tr></thead>
              <tbody>
                <Counts name={words.day} counts={rule.day} />
                <Counts name={words.week} counts={rule.week} />
              </tbody>
            </table>
          </div>
          <p class="quiet">
            {words.last} {date_time(rule.last)}
            {auditor && <> · <a href={`/audit?rule=${encodeURIComponent(rule.id)}`} aria-label={words.records_of(rule.id)}>{words.records}</a></>}
          </p>
        </>
      )}
    </li>
  );
}

function Counts({ name, counts }: { name: string; counts: RuleCounts }) {
  return <tr><th scope="row">{name}</th>{counted.map((what) => <td key={what}>{counts[what].toLocaleString('en')}</td>)}</tr>;
}

/** What a challenge of this rule asks for, besides its level. */
function needs(challenge: NonNullable<RuleInForce['challenge']>): string[] {
  const lines: string[] = [];
  if (challenge.factors.length > 0) lines.push(words.factors(challenge.factors.map((factor) => (text.factor as Record<string, unknown>)[factor] as string | undefined ?? factor)));
  if (challenge.approvals > 0) lines.push(words.approvals(challenge.approvals, challenge.approvers ?? ''));
  if (challenge.escalate) lines.push(words.escalates(challenge.escalate.group, text.duration(challenge.escalate.after)));
  if (challenge.elevation?.scope === 'statement') lines.push(words.again(challenge.elevation.count ?? 1, text.duration(challenge.elevation.seconds)));
  else if (challenge.elevation) lines.push(words.elevation(text.duration(challenge.elevation.seconds), text.elevations.reach(challenge.elevation.scope)));
  return lines;
}
