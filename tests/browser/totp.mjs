// Authenticator codes (RFC 6238, SHA-1, six digits, 30 seconds), as the app on a phone makes them.
import { createHmac } from 'node:crypto';

function from_base32(text) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const letter of text.toUpperCase().replace(/[=\s]/g, '')) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}

/** The code at a time in milliseconds. */
export function code_at(secret, milliseconds) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(milliseconds / 30_000)));
  const digest = createHmac('sha1', from_base32(secret)).update(counter).digest();
  const offset = digest.at(-1) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/**
 * Codes for one secret, a new one each time: the server takes every time step once and accepts one step of drift, so the
 * second code is the next step's and the third waits for the clock. `ready` does that wait where nothing runs out meanwhile.
 */
export function code_source(secret) {
  const now = () => Math.floor(Date.now() / 30_000);
  let last = now() - 1;
  const ready = async () => {
    while (last > now()) await new Promise((resolve) => { setTimeout(resolve, 500); });
  };
  const next = async () => {
    await ready();
    last = Math.max(last + 1, now());
    return code_at(secret, last * 30_000);
  };
  return Object.assign(next, { ready });
}
