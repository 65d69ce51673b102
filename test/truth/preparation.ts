/** What each database of the suites needs before the cases are loaded. */
import type { PerEngine } from './engine.ts'

/** What the types of some cases need. */
export const preparation: PerEngine = {
  pg: `create collation truth_insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    create type truth_mood as enum ('sad', 'ok', 'happy'); create domain truth_domain as text; create type truth_pair as (a text, b text); create type truth_point as (x float8); create type truth_list as (v int[])`,
  maria: 'select 1',
}
