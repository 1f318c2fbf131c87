// Bundles the widgets' ESM and the viewer page (into the Python package), the client's, and the
// tests'.
//
// node build.mjs [--production | --watch | --tests]
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import esbuild from 'esbuild';

const wanted = new Set(process.argv.slice(2));
const production = wanted.has('--production');

const LAB = '../jupyter_sio/labextension';

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
  entryPoints: ['image', 'log', 'plot', 'table', 'value'].map(name => `src/widget/${name}.ts`),
  outdir: '../jupyter_sio/widgets/static',
};

const page = {
  ...browser,
  loader: { '.css': 'css' },
  outdir: '../jupyter_sio/server/static',
};

/** Its style sheet is a file of its own, as its policy allows no other. */
const pages = [
  { ...page, entryPoints: { page: 'src/page/index.ts' }, loader: { '.css': 'empty' } },
  { ...page, entryPoints: { page: 'src/page/page.css' } },
];

const outputs = {
  ...browser,
  format: 'iife',
  entryPoints: { remoteEntry: 'src/lab/remote.ts' },
  entryNames: '[name].[hash]',
  outdir: `${LAB}/static`,
  metafile: true,
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

/** What JupyterLab reads to know which script holds which extension, and its settings. */
async function describeToLab(remoteEntry) {
  const { name, version, description, license } = JSON.parse(readFileSync('package.json', 'utf8'));
  const load = `static/${basename(remoteEntry)}`;
  const _build = { load, extension: './extension', mimeExtension: './mimeExtension' };
  const described = { name, version, description, license, jupyterlab: { _build } };
  await writeFile(`${LAB}/package.json`, `${JSON.stringify(described, null, 2)}\n`);
  await cp('schema', `${LAB}/schemas/${name}`, { recursive: true });
}

if (wanted.has('--tests')) {
  await rm('lib/tests', { recursive: true, force: true });
  await esbuild.build(tests);
} else if (wanted.has('--watch')) {
  const context = await esbuild.context(widgets);
  await context.watch();
  console.log('watching; end with Ctrl-C');
} else {
  for (const folder of [widgets.outdir, page.outdir, LAB])
    await rm(folder, { recursive: true, force: true });
  const [{ metafile }] = await Promise.all(
    [outputs, widgets, client, ...pages].map(options => esbuild.build(options)),
  );
  await mkdir(page.outdir, { recursive: true });
  await copyFile('src/page/icon.svg', `${page.outdir}/icon.svg`);
  await describeToLab(Object.keys(metafile.outputs)[0]);
}
