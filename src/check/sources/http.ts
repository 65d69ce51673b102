/**
 * An HTTP API that is only read. It has no types and no snapshot: values take the kinds of the other sides, and what moved
 * between two pages is read again before anything is said of it.
 */
import type { SourceDeclaration } from '../../invariant/invariant.ts'
import { HttpClient } from './http-client.ts'
import { describeHttp, peekHttp } from './http-side.ts'
import type { Source } from './source.ts'

/** Whether a URL is one of an API. */
export function isHttpUrl(url: string): boolean {
  return /^https?:\/\//.test(url)
}

/**
 * Opens a source; nothing is asked until the first read.
 *
 * @throws refused `check/unreadable` from each read that fails, naming the source, the path and the status.
 */
export function openHttp(name: string, declared: SourceDeclaration): Source {
  const client = new HttpClient(name, declared)
  const source: Source = {
    name,
    engine: 'http',
    service: declared.service ?? name,
    schema: declared.schema ?? 'selvedge',
    describe: (side, columns) => describeHttp(source, client, side, columns),
    peek: (side, key, most) => peekHttp(client, side, key, most),
    // The client keeps to so many requests a second, busy or not.
    isBusy: async () => false,
    close: () => client.close(),
  }
  return source
}
