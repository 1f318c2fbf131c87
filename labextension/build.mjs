// Bundles the widgets' ESM (into the Python package), the client's, and the tests'.
//
// node build.mjs [--production | --watch | --tests]
import { rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import esbuild from 'esbuild';

const wanted = new Set(process.argv.slice(2));
const production = wanted.has('--production');

const browser = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  charset: 'utf8',
  legalComments: production ? 'eof' : 'none',
  minify: production,
  sourcemap: production ? false : 'inline',
  loader: { '.css': 'text' },
  logLevel: 'warning',
};

const widgets = {
  ...browser,
  entryPoints: ['src/widget/plot.ts', 'src/widget/value.ts'],
  outdir: '../jupyter_sio/widgets/static',
};

const client = { ...browser, entryPoints: ['src/client.ts'], outdir: 'lib' };

const tests = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  loader: { '.css': 'text' },
  logLevel: 'warning',
  outdir: 'lib/tests',
  outbase: 'tests',
  entryPoints: readdirSync('tests', { recursive: true })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `tests/${name}`),
};

if (wanted.has('--tests')) {
  await rm('lib/tests', { recursive: true, force: true });
  await esbuild.build(tests);
} else if (wanted.has('--watch')) {
  const context = await esbuild.context(widgets);
  await context.watch();
  console.log('watching; end with Ctrl-C');
} else {
  await rm(widgets.outdir, { recursive: true, force: true });
  await Promise.all([widgets, client].map(options => esbuild.build(options)));
}
