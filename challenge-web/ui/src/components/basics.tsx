import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { text } from '../text';

/** The page's heading; takes the focus so that keyboard and screen reader start at the new page. */
export function Heading({ children, quiet }: { children: ComponentChildren; quiet?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!quiet) heading.current?.focus({ preventScroll: true });
  }, [quiet]);
  return <h1 tabIndex={-1} ref={heading}>{children}</h1>;
}

export function use_title(title: string): void {
  useEffect(() => { document.title = `${title} · ${text.product}`; }, [title]);
}

export function Problem({ children, id }: { children: ComponentChildren; id?: string }) {
  return <p class="problem" role="alert" id={id}>{children}</p>;
}

export function Notice({ heading, kind, children }: { heading?: string; kind: 'warning' | 'info' | 'good'; children: ComponentChildren }) {
  return (
    <div class={`notice notice-${kind}`}>
      {heading !== undefined && <strong>{heading}</strong>}
      <div>{children}</div>
    </div>
  );
}

export function Chips({ items, kind, label }: { items: string[]; kind: 'table' | 'label' | 'rule'; label: string }) {
  if (items.length === 0) return null;
  return (
    <ul class="chips" aria-label={label}>
      {items.map((item) => <li key={item} class={`chip chip-${kind}`}><bdi>{item}</bdi></li>)}
    </ul>
  );
}

export function Loading() {
  return <p class="loading" aria-busy="true">{text.loading}</p>;
}

/** A page that says one thing and leads back. */
export function PlainPage({ heading, children, tone = 'plain' }: { heading: string; children: ComponentChildren; tone?: 'plain' | 'good' | 'bad' }) {
  return (
    <section class={`plain-page plain-${tone}`}>
      <Heading>{heading}</Heading>
      {children}
    </section>
  );
}

/** A recovery code, as it stands on the sheet. */
export function RecoveryCodeInput({ id, label, value, on_value }: { id: string; label: string; value: string; on_value: (value: string) => void }) {
  return (
    <>
      <label for={id}>{label}</label>
      <input
        id={id} name="recovery-code" type="text" autocomplete="off" autocapitalize="characters" maxLength={32} required spellcheck={false}
        class="code-input" placeholder="ABCD-EFGH-IJKL-MNOP" value={value} onInput={(event) => on_value(event.currentTarget.value)}
      />
    </>
  );
}

/** What only the user knows; `fresh`: it is being chosen. */
export function PinInput({ id, label, value, on_value, fresh = false }: {
  id: string; label: string; value: string; on_value: (value: string) => void; fresh?: boolean;
}) {
  return (
    <>
      <label for={id}>{label}</label>
      <input
        id={id} name="pin" type="password" autocomplete={fresh ? 'new-password' : 'off'} maxLength={64} required spellcheck={false}
        class="code-input" value={value} onInput={(event) => on_value(event.currentTarget.value)}
      />
    </>
  );
}

/** Asks for digits. */
export function CodeInput({ id, label, hint, value, on_value, described_by, digits = 6 }: {
  id: string; label: string; hint?: string; value: string; on_value: (value: string) => void; described_by?: string; digits?: number;
}) {
  return (
    <>
      <label for={id}>{label}</label>
      <input
        id={id} name="code" type="text" inputMode="numeric" autocomplete="one-time-code" pattern={`[0-9]{${digits}}`} required
        class="code-input" placeholder={hint} title={text.errors.bad_code(digits)} value={value} aria-describedby={described_by}
        spellcheck={false}
        onInput={(event) => on_value(event.currentTarget.value.replace(/\D/g, '').slice(0, digits))}
      />
    </>
  );
}
