/** What `tsc` leaves undone: the academy's truth is SQL, and the command must be executable in a checkout too. */
import { chmodSync, cpSync } from 'node:fs'

const root = new URL('../../', import.meta.url)
cpSync(new URL('examples/academy/truth', root), new URL('dist/examples/academy/truth', root), { recursive: true })
chmodSync(new URL('dist/src/cli/cli.js', root), 0o755)
