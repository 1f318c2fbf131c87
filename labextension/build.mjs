// Bundles the widgets' ESM, the viewer page and what draws mirrored widgets (into the Python
// package), the client's, and the tests'.
//
// node build.mjs [--production | --watch | --tests]
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
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

/** Its sheet is bundled with what it imports; in a shadow root the root is the host. */
const sheets = {
  name: 'sheets',
  setup(build) {
    build.onLoad({ filter: /mirror\.css$/ }, async ({ path }) => {
      const { minify, target } = browser;
      const built = await esbuild.build({
        ...{ entryPoints: [path], bundle: true, write: false, minify, target },
      });
      const contents = built.outputFiles[0].text.replaceAll(':root', ':host');
      return { contents, loader: 'text' };
    });
  },
};

/** What ipywidgets' front end would make HTML of is text: it comes from a kernel. */
const textOnly = {
  name: 'text only',
  setup(build) {
    const filter = /node_modules\/(@jupyter-widgets|@lumino|nouislider)\/.*js$/;
    build.onLoad({ filter }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8'))
        .replaceAll('.innerHTML', '.textContent')
        .replaceAll("'&nbsp;'", "'\\u00a0'")
        .replaceAll("'&#8203;'", "'\\u200b'"),
    }));
    build.onEnd(({ outputFiles }) => {
      const [found] = /innerHTML|outerHTML|insertAdjacentHTML|document\.write/.exec(
        outputFiles[0].text,
      ) ?? [null];
      if (found) throw new Error(`the mirror's script has ${found}: text must stay text`);
    });
  },
};

const mirror = {
  ...browser,
  entryPoints: { mirror: 'src/mirror/index.ts' },
  outdir: '.',
  write: false,
  alias: { jquery: './src/mirror/jquery.ts' },
  plugins: [sheets, textOnly],
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
  const drawing = (await esbuild.build(mirror)).outputFiles[0].contents;
  const version = createHash('sha256').update(drawing).digest('hex').slice(0, 16);
  const named = here => ({
    define: { JSIO_MIRROR: `"mirror.js?v=${version}"`, JSIO_HERE: here },
  });
  const [{ metafile }] = await Promise.all([
    esbuild.build({ ...outputs, ...named('document.currentScript.src') }),
    ...pages.map(options => esbuild.build({ ...options, ...named('import.meta.url') })),
    esbuild.build(widgets),
    esbuild.build(client),
  ]);
  await mkdir(page.outdir, { recursive: true });
  await copyFile('src/page/icon.svg', `${page.outdir}/icon.svg`);
  for (const folder of [page.outdir, outputs.outdir]) {
    await writeFile(`${folder}/mirror.js`, drawing);
  }
  await describeToLab(Object.keys(metafile.outputs)[0]);
}
