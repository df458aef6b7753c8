import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, api, type Challenge, type EmailDelivery, type FactorKind, type IdentityProvider } from '../api';
import { approve_with_passkey, explain } from '../passkey';
import { prove_at } from '../provider';
import { forget_token, token_for } from '../push';
import { use_session } from '../session';
import { text } from '../text';
import { use_armed } from './armed';
import { CodeInput, Notice, PinInput, Problem, RecoveryCodeInput } from './basics';
import { PushForm } from './push_form';
import { Revealed } from './sql';

const words = text.challenge;
const email_digits = 8;
const over = ['challenge_expired', 'challenge_closed', 'not_found'];

/** Approve or deny: always in view at the bottom of the page. */
export function Answer({ challenge, on_answered, on_reload }: {
  challenge: Challenge; on_answered: (read: Challenge) => void; on_reload: () => void;
}) {
  const [busy, set_busy] = useState<'' | 'passkey' | 'code' | 'deny' | 'withdraw'>('');
  const [problem, set_problem] = useState('');
  const [reason, set_reason] = useState('');
  const me = use_session()?.user;
  const armed = use_armed(challenge.id);
  const [best, ...others] = in_reach_first(challenge);
  const first_way = challenge.ways[0] ?? [];

  const attempt = async (kind: typeof busy, how: () => Promise<Challenge>) => {
    if (busy !== '') return;
    set_busy(kind);
    set_problem('');
    try {
      on_answered(await how());
    } catch (error) {
      if (error instanceof ApiError && over.includes(error.code)) on_reload();
      set_problem(explain(error));
    } finally {
      set_busy('');
    }
  };

  const go = async (provider: string) => {
    set_problem('');
    try {
      await prove_at(provider, challenge.id, reason);
    } catch (error) {
      set_problem(explain(error));
    }
  };
  /** Right or wrong, it was the only try. */
  const choose = async (token: string, number: string) => {
    forget_token(challenge.id);
    try {
      return await api.prove_with_push(challenge.id, token, number);
    } catch (error) {
      on_reload();
      throw error;
    }
  };
  const form = (factor: FactorKind, secondary: boolean) => {
    const give = (how: () => Promise<Challenge>) => void attempt('code', how);
    const common = { secondary, armed, busy: busy !== '' };
    switch (factor) {
      case 'passkey':
        return <Approve armed={armed} busy={busy} about={challenge.id} on_approve={() => void attempt('passkey', () => approve_with_passkey(challenge.id, reason))} />;
      case 'totp':
        return <CodeForm {...common} on_code={(code) => give(() => api.prove_with_totp(challenge.id, code, reason))} />;
      case 'push':
        return <PushForm challenge={challenge.id} armed={armed} busy={busy !== ''} on_number={(token, number) => give(() => choose(token, number))} />;
      case 'pin':
        return <PinForm {...common} on_pin={(pin) => give(() => api.prove_with_pin(challenge.id, pin, reason))} />;
      case 'identity_provider':
        return <Providers secondary={secondary} armed={armed} busy={busy !== ''} on_choose={(name) => void go(name)} />;
      case 'email_code':
        return <EmailCodeForm {...common} challenge={challenge.id} on_code={(code) => give(() => api.prove_with_email_code(challenge.id, code, reason))} />;
      case 'recovery_code':
        return <CodeForm {...common} recovery on_code={(code) => give(() => api.prove_with_recovery_code(challenge.id, code, reason))} />;
    }
  };

  return (
    <section class="answer" aria-label={words.heading}>
      {challenge.proofs.map((proof) => (
        <p key={proof.user + proof.factor} class="proved">
          {proof.user === me ? words.proved(factor_name(proof.factor)) : <bdi>{words.proved_by(proof.user, factor_name(proof.factor))}</bdi>}
          {proof.reason && <> <q><Revealed>{proof.reason}</Revealed></q></>}
        </p>
      ))}
      {challenge.missing.length > 0 && (
        <p class="quiet">{challenge.proofs.length > 0 ? words.missing : words.requirement}: {challenge.missing.join(' ')}</p>
      )}
      {challenge.waits_for_others && <Notice kind="info" heading={words.waiting_heading}>{words.waiting}</Notice>}
      {best === undefined && !challenge.waits_for_others && (
        <Notice kind="warning" heading={words.no_factor_heading}>
          {challenge.enrol.length > 0
            ? <>{words.no_factor(challenge.enrol.map(way_name))} <a href="/factors">{words.no_factor_action}</a></>
            : words.no_factor_at_all}
        </Notice>
      )}
      {first_way.length > 1 && <p class="steps">{words.steps(first_way.map(factor_name))}</p>}
      {problem && <Problem>{problem}</Problem>}
      <div class="answer-row">
        {best !== undefined && form(best, false)}
        <button type="button" class="deny" disabled={busy !== ''} onClick={() => void attempt('deny', () => api.deny(challenge.id, reason))}>
          {busy === 'deny' ? words.deny_busy : words.deny}
        </button>
      </div>
      {challenge.you === 'requester' && challenge.requirement.approvals > 0 && (
        <button type="button" class="outline secondary small" disabled={busy !== ''} onClick={() => void attempt('withdraw', () => api.withdraw(challenge.id))}>
          {words.withdraw}
        </button>
      )}
      {challenge.you === 'approver' && (
        <label class="deny-reason">{words.answer_reason}
          <input type="text" maxLength={200} value={reason} onInput={(event) => set_reason(event.currentTarget.value)} />
        </label>
      )}
      {others.map((factor) => (
        <details key={factor} class="code-instead" data-factor={factor}>
          <summary>{words.instead[factor]}{then(challenge.ways, factor)}</summary>
          {form(factor, true)}
        </details>
      ))}
    </section>
  );
}

/** Best first; but who comes from a message answers that. */
function in_reach_first({ id, usable_factors }: Challenge): FactorKind[] {
  if (token_for(id) === undefined || !usable_factors.includes('push')) return usable_factors;
  return ['push', ...usable_factors.filter((factor) => factor !== 'push')];
}

function factor_name(factor: string): string {
  if (factor === 'recovery_code') return text.factor.recovery_label.toLowerCase();
  if (factor === 'pin') return text.factor.pin;
  return factor === 'passkey' || factor === 'totp' || factor === 'push' || factor === 'email_code' || factor === 'identity_provider' ? text.factor[factor].toLowerCase() : factor;
}

function way_name(way: FactorKind[]): string {
  return way.map(factor_name).join(words.and);
}

/** What has to follow this factor on the best way that has it, unless that is the first way: its steps are written out. */
function then(ways: FactorKind[][], factor: FactorKind): string {
  const way = ways.find((one) => one.includes(factor));
  if (way === undefined || way === ways[0] || way.length < 2) return '';
  return ` (${words.and_then(way.filter((other) => other !== factor).map(factor_name))})`;
}

/** Has the focus from the start, but does nothing before the page has been in view for a moment. */
function Approve({ armed, busy, about, on_approve }: { armed: boolean; busy: string; about: string; on_approve: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus({ preventScroll: true }), [about]);
  const ready = armed && busy === '';
  return (
    <button type="button" class="approve" ref={button} aria-disabled={!ready} aria-busy={busy === 'passkey'}
      onKeyDown={(event) => { if (event.repeat) event.preventDefault(); }}
      onClick={() => { if (ready) on_approve(); }}>
      {busy === 'passkey' ? words.approve_busy : words.approve}
    </button>
  );
}

/** The code of an authenticator app, or one of the recovery codes. */
function CodeForm({ secondary, armed, busy, recovery = false, on_code }: {
  secondary: boolean; armed: boolean; busy: boolean; recovery?: boolean; on_code: (code: string) => void;
}) {
  const [code, set_code] = useState('');
  const complete = recovery ? code.trim() !== '' : code.length === 6;
  const submit = (event: Event) => {
    event.preventDefault();
    if (!armed || busy || !complete) return;
    on_code(code);
    set_code('');
  };
  return (
    <form class="code-form" onSubmit={submit}>
      <div>
        {recovery
          ? <RecoveryCodeInput id="recovery-code" label={text.factor.recovery_label} value={code} on_value={set_code} />
          : <CodeInput id="approve-code" label={words.code} hint={words.code_hint} value={code} on_value={set_code} />}
      </div>
      <button type="submit" class={secondary ? 'secondary' : ''} disabled={busy || !complete} aria-disabled={!armed}>{words.approve_code}</button>
    </form>
  );
}

function PinForm({ secondary, armed, busy, on_pin }: { secondary: boolean; armed: boolean; busy: boolean; on_pin: (pin: string) => void }) {
  const [pin, set_pin] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    if (!armed || busy || pin === '') return;
    on_pin(pin);
    set_pin('');
  };
  return (
    <form class="code-form" onSubmit={submit}>
      <div><PinInput id="approve-pin" label={words.pin} value={pin} on_value={set_pin} /></div>
      <button type="submit" class={secondary ? 'secondary' : ''} disabled={busy || pin === ''} aria-disabled={!armed}>{words.approve_pin}</button>
    </form>
  );
}

const ask_again_ms = 1000;

/** Asks the server to mail a code, says what became of it, and takes it. */
function EmailCodeForm({ challenge, secondary, armed, busy, on_code }: {
  challenge: string; secondary: boolean; armed: boolean; busy: boolean; on_code: (code: string) => void;
}) {
  const [to, set_to] = useState('');
  const [delivery, set_delivery] = useState<EmailDelivery>('none');
  const [asking, set_asking] = useState(false);
  const [problem, set_problem] = useState('');
  const [code, set_code] = useState('');

  useEffect(() => {
    if (delivery !== 'sending') return undefined;
    const timer = setInterval(() => {
      api.email_delivery(challenge).then(set_delivery, (error: unknown) => { set_delivery('none'); set_problem(explain(error)); });
    }, ask_again_ms);
    return () => clearInterval(timer);
  }, [delivery, challenge]);

  const send = async () => {
    set_asking(true);
    set_problem('');
    try {
      set_to((await api.begin_email_code(challenge)).to);
      set_delivery('sending');
    } catch (error) {
      set_problem(explain(error));
    } finally {
      set_asking(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!armed || busy || code.length !== email_digits) return;
    on_code(code);
    set_code('');
  };

  const waiting = delivery === 'sending' || delivery === 'sent';
  return (
    <div class="email-code">
      {problem && <Problem>{problem}</Problem>}
      {delivery === 'failed' && <Problem>{words.email_failed}</Problem>}
      <p role="status">{delivery === 'sending' ? words.email_sending(to) : delivery === 'sent' ? words.email_sent(to) : ''}</p>
      {waiting && (
        <form class="code-form" onSubmit={submit}>
          <div><CodeInput id="email-code" label={words.email_code} hint={words.email_hint} digits={email_digits} value={code} on_value={set_code} /></div>
          <button type="submit" class={secondary ? 'secondary' : ''} disabled={busy || code.length !== email_digits} aria-disabled={!armed}>{words.approve_code}</button>
        </form>
      )}
      <button type="button" class={waiting || secondary ? 'outline secondary small' : 'small'} disabled={asking || delivery === 'sending'} aria-busy={asking} onClick={() => void send()}>
        {waiting ? words.email_again : words.email_send}
      </button>
    </div>
  );
}

/** One button for each identity provider; it leads away, and back. */
function Providers({ secondary, armed, busy, on_choose }: { secondary: boolean; armed: boolean; busy: boolean; on_choose: (name: string) => void }) {
  const [providers, set_providers] = useState<IdentityProvider[]>([]);
  useEffect(() => { api.identity_providers().then(set_providers, () => set_providers([])); }, []);
  return (
    <>
      {providers.map(({ name }) => (
        <button key={name} type="button" class={secondary ? 'secondary' : ''} disabled={busy} aria-disabled={!armed} onClick={() => { if (armed && !busy) on_choose(name); }}>
          {words.log_in_at(name)}
        </button>
      ))}
    </>
  );
}
