import { describe, expect, it } from 'vitest';
import { highlight_limit, reveal, tokenize } from '../src/sql_tokens';

const joined = (text: string) => tokenize(text).map((token) => token.text).join('');

describe('tokenize', () => {
  it.each([
    ['plain', 'DELETE FROM customers'],
    ['markup', `SELECT '<img src=x onerror=alert(1)>' AS "</pre><script>alert(2)</script>"`],
    ['entities', 'SELECT &lt;b&gt; &amp; &#x27;'],
    ['broken off', "SELECT 'never closed /* nor this"],
    ['nested comment', 'SELECT /* a /* b */ c */ 1'],
    ['dollar quotes', 'DO $x$ BEGIN DELETE FROM t; END $x$'],
    ['lone surrogate', 'SELECT \ud800'],
    ['illegal for the grammar', 'SELECT {} [] </a> @@x ::int #>> ?| ~*'],
    ['line ends', 'SELECT\r\n1\r2\n3\u2028'],
    ['empty', ''],
    ['many lines', 'SELECT 1,\n'.repeat(2000)],
  ])('keeps every character: %s', (_name, text) => {
    expect(joined(text)).toBe(text);
  });

  it('names what it knows', () => {
    const scopes = new Map(tokenize("DELETE FROM t WHERE a = 'x' AND b > 12 -- c").map(({ text, scope }) => [text, scope]));
    expect(scopes.get('DELETE')).toBe('keyword');
    expect(scopes.get("'x'")).toBe('string');
    expect(scopes.get('12')).toBe('number');
    expect(scopes.get('-- c')).toBe('comment');
  });

  it('leaves very long texts uncoloured and whole', () => {
    const long = `SELECT '${'x'.repeat(highlight_limit)}'`;
    expect(tokenize(long)).toEqual([{ text: long, scope: undefined }]);
  });
});

describe('reveal', () => {
  it.each([
    ['right-to-left override', 'a\u202eb', 'U+202E'],
    ['isolate', 'a\u2066b', 'U+2066'],
    ['zero width space', 'a\u200bb', 'U+200B'],
    ['zero width joiner', 'a\u200db', 'U+200D'],
    ['soft hyphen', 'a\u00adb', 'U+00AD'],
    ['no-break space', 'a\u00a0b', 'U+00A0'],
    ['byte order mark', 'a\ufeffb', 'U+FEFF'],
    ['bell', 'a\u0007b', 'U+0007'],
    ['escape', 'a\u001bb', 'U+001B'],
    ['carriage return alone', 'a\rb', 'U+000D'],
    ['NUL', 'a\u0000b', 'U+0000'],
    ['C1 control', 'a\u009bb', 'U+009B'],
    ['line separator', 'a\u2028b', 'U+2028'],
    ['tag character', 'a\u{e0041}b', 'U+E0041'],
    ['variation selector', 'a\ufe0fb', 'U+FE0F'],
    ['Hangul filler', 'a\u3164b', 'U+3164'],
    ['private use', 'a\ue000b', 'U+E000'],
    ['lone surrogate', 'a\udc00b', 'U+DC00'],
  ])('shows by number: %s', (_name, text, number) => {
    expect(reveal(text)).toEqual([{ text: 'a' }, { hidden: number }, { text: 'b' }]);
  });

  it.each([
    ['ASCII', 'SELECT 1;\n\tFROM x'], ['letters of the world', 'naïve Größe 表 таблица جدول'], ['emoji', '🗑️'.slice(0, 2)], ['CR LF', 'a\nb'],
  ])('leaves alone: %s', (_name, text) => {
    expect(reveal(text)).toEqual([{ text }]);
  });

  it('takes CR LF as one line end', () => expect(reveal('a\r\nb')).toEqual([{ text: 'a\nb' }]));
});
