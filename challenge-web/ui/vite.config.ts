import { defineConfig } from 'vite';

// The page runs under a Content-Security-Policy without 'unsafe-inline': nothing may be inlined into index.html.
export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
    emptyOutDir: true,
  },
});
