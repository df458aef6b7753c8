import { useMemo, useState } from 'preact/hooks';
import { reveal, tokenize, type Token } from '../sql_tokens';
import { text } from '../text';

const long = 40; // lines shown before the reader asks for all

/** Text from a statement, as text nodes only. Characters that deceive are shown by number. */
export function Revealed({ children }: { children: string }) {
  return (
    <>
      {reveal(children).map((piece) => 'text' in piece ? piece.text : <span class="hidden-character">{piece.hidden}</span>)}
    </>
  );
}

export function Sql({ sql, label }: { sql: string; label: string }) {
  const lines = useMemo(() => sql.split('\n').length, [sql]);
  const [all, set_all] = useState(lines <= long * 1.5);
  const shown = useMemo(() => (all ? sql : sql.split('\n').slice(0, long).join('\n')), [sql, all]);
  const tokens = useMemo(() => tokenize(shown), [shown]);
  const deceives = useMemo(() => reveal(sql).some((piece) => 'hidden' in piece), [sql]);
  return (
    <div class="sql">
      {deceives && <p class="sql-warning">{text.challenge.hidden_characters}</p>}
      <pre tabIndex={0} role="region" aria-label={label} dir="ltr"><code>{tokens.map((token) => <Coloured token={token} />)}</code></pre>
      {!all && <button type="button" class="outline secondary small" onClick={() => set_all(true)}>{text.challenge.show_all(lines)}</button>}
    </div>
  );
}

function Coloured({ token }: { token: Token }) {
  const body = <Revealed>{token.text}</Revealed>;
  return token.scope === undefined ? body : <span class={`sql-${token.scope.replace(/[^a-z_]/g, '')}`}>{body}</span>;
}
