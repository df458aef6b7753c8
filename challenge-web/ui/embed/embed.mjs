// Turns a directory of built files into sources for the binary: embed.mjs DIST OUT writes OUT/assets_data.S, which
// includes each file gzipped, and OUT/assets_table.cpp, which names them. Same input and same zlib, same bytes out.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join, posix } from 'node:path';
import { gzipSync } from 'node:zlib';

const content_types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
};

function files_below(directory, prefix = '') {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(prefix, entry.name);
    return entry.isDirectory() ? files_below(join(directory, entry.name), path) : [path];
  });
}

/** A C++ or assembler string literal; names of built files are plain ASCII. */
function literal(text) {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new Error(`not plain ASCII: ${text}`);
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

const [dist, out] = process.argv.slice(2);
if (!dist || !out) throw new Error('usage: embed.mjs DIST OUT');
const packed_directory = join(out, 'packed');
rmSync(packed_directory, { recursive: true, force: true });
mkdirSync(packed_directory, { recursive: true });

const assets = files_below(dist).sort((a, b) => (a < b ? -1 : 1)).map((path, index) => {
  const content_type = content_types[extname(path)];
  if (content_type === undefined) throw new Error(`no content type for ${path}`);
  const packed = gzipSync(readFileSync(join(dist, path)), { level: 9 });
  packed[9] = 255; // the "operating system" byte, which differs between zlib builds
  const file = join(packed_directory, `${index}.gz`);
  writeFileSync(file, packed);
  return {
    path: `/${path}`, content_type, file, size: packed.length, symbol: `stepgate_ui_asset_${index}`,
    etag: `"${createHash('sha256').update(packed).digest('hex').slice(0, 32)}"`,
    immutable: path.startsWith('assets/'),
  };
});

writeFileSync(join(out, 'assets_data.S'), [
  '    .section .rodata',
  ...assets.map(({ symbol, file }) => `    .balign 16\n    .globl ${symbol}\n    .hidden ${symbol}\n${symbol}:\n    .incbin ${literal(file)}`),
  '    .section .note.GNU-stack,"",%progbits', '',
].join('\n'));

writeFileSync(join(out, 'assets_table.cpp'), `#include "challenge-web/ui/assets.h"

#include <array>

extern "C" {
${assets.map(({ symbol, size }) => `extern const unsigned char ${symbol}[${size}];`).join('\n')}
}

namespace stepgate::challenge_web::ui {
namespace {

const std::array<Asset, ${assets.length}> table{{
${assets.map((asset) => `    {${literal(asset.path)}, ${literal(asset.content_type)}, ${asset.symbol}, true, ${literal(asset.etag)}, ${asset.immutable}},`).join('\n')}
}};

} // namespace

std::span<const Asset> all() { return table; }

} // namespace stepgate::challenge_web::ui
`);
