/** Types of MySQL and MariaDB, and the kinds of values they hold. */
import type { Kind } from './kind.ts'

/** What the server says of a column or of an expression. */
export interface MysqlType {
  /** As `information_schema` calls it: `bigint`, `varchar`, `datetime`; `tinyint(1)` is the boolean. */
  readonly name: string
  /** Digits after the point, of decimals and of seconds. */
  readonly digits?: number
  /** False only where it cannot be NULL. */
  readonly isNullable: boolean
  readonly isUnsigned?: boolean
  /** Numbers that are shown with leading zeros. */
  readonly isZerofill?: boolean
  /** Of a column's text; undefined for expressions, whose text the server converts on the way out only. */
  readonly charset?: string
  /** Whether the column's collation takes 'A' for 'a'; undefined where that is not known. */
  readonly ignoresCase?: boolean
}

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['tinyint(1)', 'boolean'],
  ['tinyint', 'integer'],
  ['smallint', 'integer'],
  ['mediumint', 'integer'],
  ['int', 'integer'],
  ['bigint', 'integer'],
  ['year', 'integer'],
  ['bit', 'integer'],
  ['decimal', 'decimal'],
  ['double', 'float8'],
  ['float', 'float4'],
  ['datetime', 'timestamp'],
  ['timestamp', 'timestamp'],
  ['date', 'date'],
  ['uuid', 'uuid'],
  ['json', 'json'],
  ['binary', 'bytes'],
  ['varbinary', 'bytes'],
  ['tinyblob', 'bytes'],
  ['blob', 'bytes'],
  ['mediumblob', 'bytes'],
  ['longblob', 'bytes'],
  ['geometry', 'bytes'],
])

/** The kind of a MySQL type. `time`, enums, sets, addresses and all texts are compared as text. */
export function kindOfMysql({ name }: MysqlType): Kind {
  return kinds.get(name) ?? 'text'
}
