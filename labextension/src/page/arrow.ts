/** Rows as an Arrow file, which pandas, polars and all else that reads Arrow opens. */
import {
  bool,
  Column as ArrowColumn,
  columnFromValues,
  type DataType,
  float64,
  int64,
  tableFromColumns,
  tableToIPC,
  timestamp,
  TimeUnit,
  uint64,
  utf8,
} from '@uwdata/flechette';
import type { Column } from '../protocol/payload';
import { plainText } from '../view/cell';
import { mergeTables, type Part } from '../view/rows';

/** Write the rows of all parts as one table. Payloads may differ in their columns and types. */
export function toArrow(parts: readonly Pick<Part, 'table' | 'skip'>[]): Uint8Array {
  const table = mergeTables(parts);
  const columns = table.names.map(name => [name, build(table.column(name)!)] as const);
  const bytes = tableToIPC(tableFromColumns(columns.map(([name, column]) => [name, column])), {
    format: 'file',
  });
  if (!bytes) throw new Error('the table could not be written');
  return bytes;
}

function build(column: Column): ArrowColumn<unknown> {
  const values = Array.from({ length: column.length }, (_, row) => column.at(row));
  const given = values.filter(value => value !== null);
  if (column.kind === 'time') return times(values, column.zoned);
  if (column.kind !== 'number') {
    return columnFromValues(
      values.map(value => (value === null ? null : plainText(value))),
      utf8(),
    );
  }
  if (given.length > 0 && given.every(value => typeof value === 'boolean')) {
    return columnFromValues(values, bool());
  }
  if (column.whole) {
    const whole = values.map(asBigInt);
    const large = whole.some(value => value !== null && value > MOST_SIGNED);
    return columnFromValues(whole, large ? uint64() : int64());
  }
  return columnFromValues(
    values.map(value => (value === null ? null : Number(value))),
    float64(),
  );
}

const MOST_SIGNED = 2n ** 63n - 1n;

const asBigInt = (value: unknown): bigint | null =>
  value === null ? null : BigInt(value as number | bigint);

/** To the microsecond; flechette's own builder refuses fractions of its unit. */
function times(values: readonly unknown[], zoned: boolean): ArrowColumn<unknown> {
  const whole = values.map(value =>
    typeof value === 'number' ? BigInt(Math.round(value * 1000)) : null,
  );
  const type = timestamp(TimeUnit.MICROSECOND, zoned ? 'UTC' : null) as DataType;
  const { data } = columnFromValues<unknown>(whole, int64());
  return new ArrowColumn(
    data.map(batch => Object.assign(batch, { type })),
    type,
  );
}
