import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, api, type AuditRecord, type FieldValue } from '../api';
import { address_of, field_text } from '../audit_text';
import { Heading, Loading, PlainPage, Problem, use_title } from '../components/basics';
import { Revealed, Sql } from '../components/sql';
import { explain } from '../passkey';
import { text } from '../text';
import { date_time } from '../time';

const words = text.audit;

export function AuditRecordPage({ sequence }: { sequence: number }) {
  use_title(`${text.titles.audit_record} ${sequence}`);
  const [record, set_record] = useState<AuditRecord>();
  const [refused, set_refused] = useState<'not_found' | 'needs_role'>();
  const [problem, set_problem] = useState('');

  useEffect(() => {
    api.audit_record(sequence).then(set_record, (error: unknown) => {
      if (error instanceof ApiError && (error.code === 'not_found' || error.code === 'needs_role')) set_refused(error.code);
      else set_problem(explain(error));
    });
  }, []);

  if (refused === 'needs_role') return <PlainPage heading={words.needs_role_heading}><p>{words.needs_role}</p></PlainPage>;
  return (
    <section>
      <p class="crumbs"><a href="/audit">{words.back}</a></p>
      <Heading>{words.record(sequence)}</Heading>
      {refused === 'not_found' && <p>{words.record_not_found}</p>}
      {problem && <Problem>{problem}</Problem>}
      {record === undefined && !refused && !problem && <Loading />}
      {record && <Details record={record} />}
      <nav class="buttons" aria-label={words.heading}>
        {sequence > 1 && <a role="button" class="outline secondary" href={`/audit/${sequence - 1}`}>{words.previous}</a>}
        <a role="button" class="outline secondary" href={`/audit/${sequence + 1}`}>{words.newer}</a>
      </nav>
    </section>
  );
}

function Details({ record }: { record: AuditRecord }) {
  return (
    <dl class="details">
      <Row name={words.columns.type}>{words.types[record.type] ?? record.type}</Row>
      <Row name={words.columns.at}><Moment at={record.at} /></Row>
      {record.user !== '' && <Row name={words.columns.user}><bdi><Revealed>{record.user}</Revealed></bdi></Row>}
      {record.session !== '' && (
        <Row name={words.session}><code>{record.session}</code> <a href={address_of({ session: record.session })}>{words.all_of_session}</a></Row>
      )}
      {Object.entries(record.fields).map(([key, value]) => (
        <Row key={key} name={key.replaceAll('_', ' ')}><Value name={key} value={value} /></Row>
      ))}
      {record.hash && <Row name={words.hash}><code class="hash">{record.hash}</code></Row>}
    </dl>
  );
}

function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

/** In the reader's time zone, and as it is in files. */
function Moment({ at }: { at: string }) {
  return <>{date_time(at)} <small class="quiet">{at}</small></>;
}

function Value({ name, value }: { name: string; value: FieldValue }) {
  if (typeof value === 'string' && name === 'text') return <Sql sql={value} label={name} />;
  if (typeof value === 'number' && name === 'expires') return <Moment at={new Date(value).toISOString()} />;
  if (typeof value === 'string' && name === 'challenge') return <><code>{value}</code> <a href={address_of({ challenge: value })}>{words.all_of_challenge}</a></>;
  if (Array.isArray(value)) return <ul class="chips">{value.map((item, at) => <li key={at} class="chip"><Revealed>{item}</Revealed></li>)}</ul>;
  return <code class="value"><Revealed>{field_text(value)}</Revealed></code>;
}
