import { generate } from 'lean-qr';
import { toSvgPath } from 'lean-qr/extras/svg';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { api, ApiError, type Factor, type RecoveryCodes, type TotpEnrolment } from '../api';
import { add_passkey, explain, passkeys_supported } from '../passkey';
import { add_push, push_supported } from '../push';
import { text } from '../text';
import { use_attempt } from './attempt';
import { CodeInput, PinInput, Problem } from './basics';

const words = text.factor;

/** The ways to get a factor, side by side. PIN, messages and recovery codes are for people who have another one. */
export function AddFactor({ on_added, recovery = false, push = false, pin }: {
  on_added: (factor: Factor) => void; recovery?: boolean; push?: boolean; pin?: 'set' | 'change';
}) {
  return (
    <div class="choices">
      <AddPasskey on_added={on_added} />
      <AddTotp on_added={on_added} />
      {push && <AddPush on_added={on_added} />}
      {pin && <SetPin change={pin === 'change'} on_added={on_added} />}
      {recovery && <AddRecoveryCodes on_added={on_added} />}
    </div>
  );
}

function AddPasskey({ on_added }: { on_added: (factor: Factor) => void }) {
  const [name, set_name] = useState('');
  const { busy, problem, attempt } = use_attempt();
  const supported = passkeys_supported();

  const add = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      on_added(await add_passkey(name.trim() || words.passkey_default));
      set_name('');
    });
  };

  return (
    <article class="choice">
      <h2>{words.passkey} <span class="tag">{words.recommended}</span></h2>
      <p>{words.passkey_what}</p>
      <form onSubmit={add}>
        <NameInput id="passkey-name" value={name} placeholder={words.passkey_default} on_value={set_name} />
        {problem && <Problem>{problem}</Problem>}
        {!supported && <Problem>{text.errors.passkey_unsupported}</Problem>}
        <button type="submit" disabled={busy || !supported} aria-busy={busy}>{busy ? words.add_passkey_busy : words.add_passkey}</button>
      </form>
    </article>
  );
}

function AddTotp({ on_added }: { on_added: (factor: Factor) => void }) {
  const [enrolment, set_enrolment] = useState<TotpEnrolment>();
  const { busy, problem, set_problem, attempt } = use_attempt();

  const begin = () => attempt(async () => set_enrolment(await api.begin_totp_enrolment()));
  const done = (factor: Factor) => {
    set_enrolment(undefined);
    on_added(factor);
  };
  const over = (why: string) => {
    set_enrolment(undefined);
    set_problem(why);
  };

  return (
    <article class="choice">
      <h2>{words.totp}</h2>
      <p>{words.totp_what}</p>
      {problem && <Problem>{problem}</Problem>}
      {enrolment === undefined
        ? <button type="button" class="secondary" disabled={busy} aria-busy={busy} onClick={() => void begin()}>{words.add_totp}</button>
        : <FinishTotp enrolment={enrolment} on_added={done} on_over={over} />}
    </article>
  );
}

function FinishTotp({ enrolment, on_added, on_over }: {
  enrolment: TotpEnrolment; on_added: (factor: Factor) => void; on_over: (why: string) => void;
}) {
  const [name, set_name] = useState('');
  const [code, set_code] = useState('');
  const { busy, problem, attempt } = use_attempt();

  const finish = (event: Event) => {
    event.preventDefault();
    const add = async () => on_added(await api.finish_totp_enrolment(enrolment.ceremony, code, name.trim() || words.totp_default));
    void attempt(add, (error) => {
      if (error instanceof ApiError && error.code === 'ceremony_expired') on_over(explain(error));
      set_code('');
    });
  };

  return (
    <form onSubmit={finish}>
      <p>{words.scan}</p>
      <QrCode value={enrolment.otpauth_uri} />
      <p class="secret-lead">{words.or_type}</p>
      <Secret value={enrolment.secret} />
      <NameInput id="totp-name" value={name} placeholder={words.totp_default} on_value={set_name} />
      <CodeInput id="totp-first-code" label={words.first_code} value={code} on_value={set_code} />
      {problem && <Problem>{problem}</Problem>}
      <div class="buttons">
        <button type="submit" disabled={busy || code.length !== 6} aria-busy={busy}>{words.finish_totp}</button>
        <button type="button" class="outline secondary" onClick={() => on_over('')}>{words.cancel}</button>
      </div>
    </form>
  );
}

function SetPin({ change, on_added }: { change: boolean; on_added: (factor: Factor) => void }) {
  const [pin, set_pin] = useState('');
  const [again, set_again] = useState('');
  const { busy, problem, set_problem, attempt } = use_attempt();

  const save = (event: Event) => {
    event.preventDefault();
    if (pin !== again) return set_problem(words.pin_differs);
    void attempt(async () => {
      on_added(await api.set_pin(pin));
      set_pin('');
      set_again('');
    });
  };

  return (
    <article class="choice">
      <h2>{words.pin}</h2>
      <p>{words.pin_what}</p>
      <form onSubmit={save}>
        <PinInput id="new-pin" label={words.pin_new} value={pin} on_value={set_pin} fresh />
        <PinInput id="new-pin-again" label={words.pin_again} value={again} on_value={set_again} fresh />
        {problem && <Problem>{problem}</Problem>}
        <button type="submit" class="secondary" disabled={busy || pin === '' || again === ''} aria-busy={busy}>
          {change ? words.change_pin : words.set_pin}
        </button>
      </form>
    </article>
  );
}

/** Nothing where no messages are pushed. */
function AddPush({ on_added }: { on_added: (factor: Factor) => void }) {
  const [key, set_key] = useState<string | null>(null);
  const [name, set_name] = useState('');
  const { busy, problem, set_problem, attempt } = use_attempt();
  useEffect(() => { api.push_key().then(set_key, (error: unknown) => set_problem(explain(error))); }, []);
  if (key === null) return null;

  const add = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      on_added(await add_push(key, name.trim() || words.push_default));
      set_name('');
    });
  };
  const supported = push_supported();
  return (
    <article class="choice">
      <h2>{words.push}</h2>
      <p>{words.push_what}</p>
      <form onSubmit={add}>
        <NameInput id="push-name" value={name} placeholder={words.push_default} on_value={set_name} />
        {problem && <Problem>{problem}</Problem>}
        {!supported && <Problem>{text.errors.push_unsupported}</Problem>}
        <button type="submit" class="secondary" disabled={busy || !supported} aria-busy={busy}>{busy ? words.add_push_busy : words.add_push}</button>
      </form>
    </article>
  );
}

function AddRecoveryCodes({ on_added }: { on_added: (factor: Factor) => void }) {
  const [made, set_made] = useState<RecoveryCodes>();
  const { busy, problem, attempt } = use_attempt();
  const over = (error: unknown) => {
    if (error instanceof ApiError && error.code === 'ceremony_expired') set_made(undefined);
  };

  const make = () => attempt(async () => set_made(await api.begin_recovery_codes()), over);
  const keep = (ceremony: string) => attempt(async () => {
    const factor = await api.finish_recovery_codes(ceremony);
    set_made(undefined);
    on_added(factor);
  }, over);

  return (
    <article class="choice">
      <h2>{words.recovery_code}</h2>
      <p>{words.recovery_what}</p>
      {problem && <Problem>{problem}</Problem>}
      {made === undefined
        ? <button type="button" class="secondary" disabled={busy} aria-busy={busy} onClick={() => void make()}>{words.add_recovery}</button>
        : (
          <>
            <p>{words.recovery_keep}</p>
            <ol class="recovery-codes" aria-label={words.recovery_list}>{made.codes.map((code) => <li key={code}><code>{code}</code></li>)}</ol>
            <div class="buttons">
              <button type="button" disabled={busy} aria-busy={busy} onClick={() => void keep(made.ceremony)}>{words.recovery_kept}</button>
              <button type="button" class="outline secondary" onClick={() => set_made(undefined)}>{words.cancel}</button>
            </div>
          </>
        )}
    </article>
  );
}

function NameInput({ id, value, placeholder, on_value }: { id: string; value: string; placeholder: string; on_value: (value: string) => void }) {
  return (
    <>
      <label for={id}>{words.name}</label>
      <input id={id} type="text" maxLength={64} autocomplete="off" placeholder={placeholder} value={value} aria-describedby={`${id}-hint`}
        onInput={(event) => on_value(event.currentTarget.value)} />
      <small id={`${id}-hint`}>{words.name_hint}</small>
    </>
  );
}

function QrCode({ value }: { value: string }) {
  const drawing = useMemo(() => {
    const code = generate(value);
    return { path: toSvgPath(code), size: code.size };
  }, [value]);
  const margin = 4;
  const side = drawing.size + 2 * margin;
  return (
    <svg class="qr" role="img" aria-label={words.qr_label} viewBox={`${-margin} ${-margin} ${side} ${side}`} shape-rendering="crispEdges">
      <rect x={-margin} y={-margin} width={side} height={side} fill="#fff" />
      <path d={drawing.path} fill="#000" />
    </svg>
  );
}

function Secret({ value }: { value: string }) {
  const [copied, set_copied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      set_copied(true);
    } catch {
      set_copied(false); // the browser said no; the secret can still be read
    }
  };
  return (
    <p class="secret">
      <code data-secret={value}>{value.replace(/(.{4})(?=.)/g, '$1 ')}</code>
      <button type="button" class="outline secondary small" onClick={() => void copy()}>{copied ? words.copied : words.copy}</button>
    </p>
  );
}
