import { WebAuthnError, browserSupportsWebAuthn, startAuthentication, startRegistration } from '@simplewebauthn/browser';
import { ApiError, api, type Challenge, type Factor, type Session } from './api';
import { PushError } from './push';
import { server_clock } from './session';
import { text } from './text';

/** A ceremony that did not yield a credential, with a sentence for the user. */
export class PasskeyError extends Error {}

export const passkeys_supported = () => browserSupportsWebAuthn();

export async function sign_in_with_passkey(): Promise<Session> {
  const { ceremony, options } = await api.begin_passkey_sign_in();
  const credential = await ask(() => startAuthentication({ optionsJSON: options }));
  return api.finish_passkey_sign_in(ceremony, credential);
}

/** The signed-in person's own passkey once more. */
api.step_up = async () => {
  const session = api.session_now;
  if (!session?.factors.includes('passkey')) throw new PasskeyError(text.errors.step_up_elsewhere);
  const { ceremony, options } = await api.begin_passkey_sign_in(session.user);
  const credential = await ask(() => startAuthentication({ optionsJSON: options }));
  await api.finish_passkey_sign_in(ceremony, credential);
};

export async function add_passkey(name: string): Promise<Factor> {
  const { ceremony, options } = await api.begin_passkey_enrolment();
  const credential = await ask(() => startRegistration({ optionsJSON: options }));
  return api.finish_passkey_enrolment(ceremony, credential, name);
}

/** The options' challenge is the digest of the held statement: the signature is over exactly that. */
export async function approve_with_passkey(id: string, reason = ''): Promise<Challenge> {
  const options = await api.begin_passkey_proof(id);
  const credential = await ask(() => startAuthentication({ optionsJSON: options }));
  return api.prove_with_passkey(id, credential, reason);
}

async function ask<T>(ceremony: () => Promise<T>): Promise<T> {
  if (!passkeys_supported()) throw new PasskeyError(text.errors.passkey_unsupported);
  try {
    return await ceremony();
  } catch (error) {
    throw new PasskeyError(sentence(error));
  }
}

function sentence(error: unknown): string {
  if (error instanceof WebAuthnError && error.code === 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED') return text.errors.passkey_exists;
  const name = error instanceof Error ? (error.cause instanceof Error ? error.cause.name : error.name) : '';
  if (name === 'NotAllowedError' || name === 'AbortError') return text.errors.passkey_cancelled;
  if (name === 'InvalidStateError') return text.errors.passkey_exists;
  if (name === 'SecurityError') return text.errors.passkey_insecure;
  return text.errors.passkey_failed;
}

/** A code of an authenticator app holds so long, and both sides reckon it by their clock. */
const step_seconds = 30;
const by_the_clock = ['wrong_code', 'wrong_answer', 'sign_in_failed'];

/** What to tell the user about anything that went wrong. */
export function explain(error: unknown): string {
  if (error instanceof PasskeyError || error instanceof PushError) return error.message;
  if (!(error instanceof ApiError)) return text.errors.passkey_failed;
  let known = text.errors.codes[error.code] ?? error.message;
  if (by_the_clock.includes(error.code) && server_clock.apart >= step_seconds) known += ` ${text.errors.clocks_differ(server_clock.apart)}`;
  return error.retry_after === undefined ? known : `${known} ${text.errors.retry_after(error.retry_after)}`;
}
