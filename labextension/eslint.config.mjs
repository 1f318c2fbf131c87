import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Where words for the reader stand; one with a letter in it goes through `trans`. */
function untranslated() {
  const words = '/[A-Za-z]{2}/';
  const template = `TemplateLiteral:has(TemplateElement[value.raw=${words}])`;
  const spoken = `:matches(Literal[value=${words}], ${template})`;
  const places = [
    `CallExpression[callee.name='make'] > ${spoken}:nth-child(3)`,
    `CallExpression[callee.name='setText'] > ${spoken}:nth-child(2)`,
    `CallExpression[callee.property.name=/^(warn|tell)$/][callee.object.property.name='status'] > ${spoken}`,
    `CallExpression[callee.property.name='setAttribute'][arguments.0.value='aria-label'] > ${spoken}:nth-child(2)`,
    `AssignmentExpression[left.property.name=/^(title|placeholder|label|caption|alt)$/] > ${spoken}`,
    `Property[key.name=/^(label|caption|title)$/] > ${spoken}`,
  ];
  return places.map(selector => ({ selector, message: 'Words for the reader go through trans.' }));
}

export default tseslint.config(
  { ignores: ['lib/', 'node_modules/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off', // typed arrays, inside their bounds
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map(property => ({
          property,
          message: 'Text reaches the page through textContent only.',
        })),
      ],
    },
  },
  {
    // What JupyterLab shows. The viewer page's own words, and the mirrored controls', are English.
    files: ['src/{lab,panel,view}/*.ts', 'src/page/card*.ts'],
    ignores: ['src/view/control*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...untranslated()] },
  },
  {
    files: ['tests/**/*.ts'],
    // node:test's describe and test return promises that its runner awaits
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  },
  {
    files: ['*.mjs'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly' } },
  },
);
