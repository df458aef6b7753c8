import hljs from 'highlight.js/lib/core';
import sql from 'highlight.js/lib/languages/sql';

/** A piece of SQL text. `scope` is highlight.js's word for it ("keyword", "string", …), or none. */
export interface Token {
  text: string;
  scope: string | undefined;
}

/**
 * Collects highlight.js's tokens as data. Its usual emitter makes HTML, which the page would have to trust;
 * from tokens the page makes text nodes, so statement text can never become markup.
 */
class TokenEmitter {
  readonly tokens: Token[] = [];
  private readonly scopes: string[] = [];

  constructor(_options: unknown) {}
  startScope(name: string): void { this.scopes.push(name); }
  endScope(): void { this.scopes.pop(); }
  // The names of version 10, which version 11 still calls for some scopes.
  openNode(name: string): void { this.startScope(name); }
  closeNode(): void { this.endScope(); }
  addText(text: string): void {
    if (text !== '') this.tokens.push({ text, scope: this.scopes.at(-1)?.split('.')[0] });
  }
  __addSublanguage(emitter: TokenEmitter): void { this.tokens.push(...emitter.tokens); }
  finalize(): void {}
  toHTML(): string { return ''; }
}

hljs.registerLanguage('sql', sql);
hljs.configure({ __emitter: TokenEmitter as never });

/** Longer texts are shown without colours: the page must stay quick whatever the statement is. */
export const highlight_limit = 50_000;

export function tokenize(text: string): Token[] {
  if (text.length > highlight_limit) return [{ text, scope: undefined }];
  const result = hljs.highlight(text, { language: 'sql', ignoreIllegals: true });
  const { tokens } = (result as unknown as { _emitter: TokenEmitter })._emitter;
  // What is approved must be what is shown: if the library lost or changed a character, show the plain text.
  return tokens.map((token) => token.text).join('') === text ? tokens : [{ text, scope: undefined }];
}

/** A run of ordinary text, or one character that a reader would not see or that would reorder what they see. */
export type Piece = { text: string } | { hidden: string };

// Controls (but tab and newline), soft hyphen, zero-width, bidirectional and other format characters, odd spaces,
// variation selectors, tags, and lone surrogates: all of them can make a statement look like another one.
const deceptive =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffd]|[\u{e0000}-\u{e0fff}]|\p{Cs}|\p{Co}|\p{Cf}/u;

export function reveal(text: string): Piece[] {
  const pieces: Piece[] = [];
  let run = '';
  for (const character of text.replace(/\r\n/g, '\n')) {
    if (!deceptive.test(character)) {
      run += character;
      continue;
    }
    if (run !== '') pieces.push({ text: run });
    run = '';
    pieces.push({ hidden: `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}` });
  }
  if (run !== '') pieces.push({ text: run });
  return pieces;
}
