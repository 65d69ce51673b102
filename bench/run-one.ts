/** `node run-one.ts <file> <variant>`: one run in this process, one JSON line per result. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

type Run = () => Promise<Record<string, unknown>>

const [file, variant] = process.argv.slice(2)
const { variants } = (await import(pathToFileURL(resolve(file!)).href)) as { variants: Record<string, Run> }
const run = variants[variant!]
if (!run) throw new Error(`${file} has ${Object.keys(variants).join(', ')}`)
// A peer that rejects somewhere in its background is reported by what it lost, not by a crash of the run.
process.on('unhandledRejection', (error) => process.stderr.write(`unhandled: ${String(error)}\n`))
const result = await run()
const residentMiB = Math.round(process.memoryUsage().rss / 1_048_576)
process.stdout.write(`${JSON.stringify({ variant, ...result, residentMiB })}\n`)
process.exit(0)
