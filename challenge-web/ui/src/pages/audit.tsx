import { useEffect, useState } from 'preact/hooks';
import { ApiError, api, type AuditRecord, type AuditStatus } from '../api';
import { address_of, filters_of, query_of, summary, type FilterKey, type Filters } from '../audit_text';
import { announce } from '../components/announce';
import { Heading, Loading, Notice, PlainPage, Problem, use_title } from '../components/basics';
import { Revealed } from '../components/sql';
import { explain } from '../passkey';
import { navigate } from '../router';
import { text } from '../text';
import { date_time } from '../time';

const words = text.audit;
const page_size = 50;

export function AuditPage({ query }: { query: string }) {
  use_title(text.titles.audit);
  const filters = filters_of(query);
  const [records, set_records] = useState<AuditRecord[]>();
  const [complete, set_complete] = useState(false);
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState('');
  const [forbidden, set_forbidden] = useState(false);

  const load = async (before: AuditRecord[]) => {
    set_busy(true);
    set_problem('');
    try {
      const read = await api.audit_records(query_of(filters, before.at(-1)?.sequence, page_size));
      set_records([...before, ...read]);
      set_complete(read.length < page_size);
      announce(words.records(before.length + read.length));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'needs_role') set_forbidden(true);
      else set_problem(explain(error));
    } finally {
      set_busy(false);
    }
  };
  useEffect(() => { void load([]); }, []);

  if (forbidden) return <PlainPage heading={words.needs_role_heading}><p>{words.needs_role}</p></PlainPage>;
  return (
    <section>
      <Heading>{words.heading}</Heading>
      <p>{words.lead}</p>
      <Status />
      <FilterForm filters={filters} />
      {problem && <Problem>{problem}</Problem>}
      {records === undefined && busy && <Loading />}
      {records?.length === 0 && <div class="empty"><strong>{words.empty_heading}</strong><p>{words.empty}</p></div>}
      {records && records.length > 0 && (
        <>
          <RecordTable records={records} />
          {complete ? <p class="quiet">{words.no_more}</p>
            : <button type="button" class="outline" disabled={busy} aria-busy={busy} onClick={() => void load(records)}>{words.older}</button>}
        </>
      )}
    </section>
  );
}

function Status() {
  const [status, set_status] = useState<AuditStatus>();
  useEffect(() => { api.audit_status().then(set_status, () => set_status(undefined)); }, []);
  if (status === undefined) return null;
  const behind = Math.max(0, status.last_sequence - status.indexed_sequence);
  return (
    <Notice kind={status.healthy ? 'good' : 'warning'} heading={status.healthy ? words.healthy : words.unhealthy}>
      {words.records(status.last_sequence)}
      {status.segments !== undefined && <> · {words.segments(status.segments)}</>}
      {status.last_checkpoint !== undefined && <> · {words.checkpoint} <a href={`/audit/${status.last_checkpoint}`}>{status.last_checkpoint}</a></>}
      {status.last_hash && <> · <code class="hash">{status.last_hash.slice(0, 16)}…</code></>}
      {behind > 0 && <p>{words.behind(behind)}</p>}
      <p class="quiet">{words.offline}</p>
    </Notice>
  );
}

function FilterForm({ filters }: { filters: Filters }) {
  const count = Object.keys(filters).length;
  const submit = (event: Event) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const chosen: Filters = {};
    for (const [key, value] of data) if (typeof value === 'string' && value.trim() !== '') chosen[key as keyof Filters] = value.trim();
    navigate(address_of(chosen));
  };
  return (
    <details class="filters" open={count > 0}>
      <summary>{words.filters}{count > 0 && ` (${count})`}</summary>
      <form onSubmit={submit}>
        <div class="filter-grid">
          <Field name="text" value={filters.text} />
          <Field name="user" value={filters.user} />
          <Choice name="type" value={filters.type} options={words.types} />
          <Choice name="action" value={filters.action} options={words.actions} />
          <Field name="table" value={filters.table} />
          <Field name="label" value={filters.label} />
          <Field name="rule" value={filters.rule} />
          <Field name="session" value={filters.session} />
          <Field name="challenge" value={filters.challenge} />
          <Field name="from" value={filters.from} type="datetime-local" />
          <Field name="to" value={filters.to} type="datetime-local" />
        </div>
        <div class="buttons">
          <button type="submit">{words.search}</button>
          {count > 0 && <a role="button" class="outline secondary" href="/audit">{words.clear}</a>}
        </div>
      </form>
    </details>
  );
}

function Field({ name, value, type = 'text' }: { name: FilterKey | 'from' | 'to'; value: string | undefined; type?: 'text' | 'datetime-local' }) {
  const id = `filter-${name}`;
  return (
    <div>
      <label for={id}>{words.fields[name]}</label>
      <input id={id} name={name} type={type as 'text'} defaultValue={value ?? ''} autocomplete="off" spellcheck={false} maxLength={200} />
    </div>
  );
}

function Choice({ name, value, options }: { name: FilterKey; value: string | undefined; options: Record<string, string> }) {
  const id = `filter-${name}`;
  return (
    <div>
      <label for={id}>{words.fields[name]}</label>
      <select id={id} name={name}>
        <option value="" selected={value === undefined}>{words.any}</option>
        {Object.entries(options).map(([key, label]) => <option key={key} value={key} selected={value === key}>{label}</option>)}
      </select>
    </div>
  );
}

function RecordTable({ records }: { records: AuditRecord[] }) {
  return (
    <table class="records">
      <caption class="visually-hidden">{words.heading}</caption>
      <thead>
        <tr>
          <th scope="col">{words.columns.sequence}</th><th scope="col">{words.columns.at}</th><th scope="col">{words.columns.type}</th>
          <th scope="col">{words.columns.user}</th><th scope="col">{words.columns.summary}</th>
        </tr>
      </thead>
      <tbody>
        {records.map((record) => (
          <tr key={record.sequence}>
            <td class="record-sequence"><a href={`/audit/${record.sequence}`} aria-label={words.record(record.sequence)}>{record.sequence}</a></td>
            <td class="record-at">{date_time(record.at)}</td>
            <td><span class={`event event-${record.type.replace(/[^a-z_]/g, '')}`}>{words.types[record.type] ?? record.type}</span></td>
            <td class="record-user"><bdi><Revealed>{record.user}</Revealed></bdi></td>
            <td class="record-summary"><code><Revealed>{summary(record)}</Revealed></code></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
