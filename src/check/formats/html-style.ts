/** The look of the HTML report: one quiet page in the colors of the reader's system, red only where something is wrong. */
export const pageStyle = `
:root {
  --ground: #fbfaf8; --card: #ffffff; --ink: #1d1f22; --soft: #63676d; --line: #e4e1dc; --code: #f3f1ed;
  --bad: #b3261e; --badback: #fbeceb; --good: #2e6b3e; --goodback: #eaf4ec; --doubt: #8a5a00; --doubtback: #fbf2df;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171a; --card: #1c1f23; --ink: #e8e6e3; --soft: #9aa0a8; --line: #2e3238; --code: #24282d;
    --bad: #ff8a80; --badback: #33201f; --good: #8fd19e; --goodback: #1d2b21; --doubt: #e8b85a; --doubtback: #2e271a;
  }
}
* { box-sizing: border-box; } [hidden] { display: none !important; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
footer { padding: 2.5rem 1.25rem 3rem; color: var(--soft); font-size: 13px; }
header { margin: 2rem 0 2.25rem; padding: 1.25rem 1.5rem; border-radius: 10px; border-left: 5px solid; }
header.bad { border-color: var(--bad); background: var(--badback); }
header.good { border-color: var(--good); background: var(--goodback); }
header.doubt { border-color: var(--doubt); background: var(--doubtback); }
header.bad h1 { color: var(--bad); } header.good h1 { color: var(--good); } header.doubt h1 { color: var(--doubt); }
.eyebrow { margin: 0; color: var(--soft); font-size: 13px; display: flex; justify-content: space-between; gap: 1rem; }
h1 { margin: .15rem 0 .35rem; font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; }
.facts { margin: 0; } .facts i { color: var(--soft); font-style: normal; padding: 0 .15rem; }
h2 { margin: 0; font-size: 1.15rem; font-weight: 650; }
section { margin: 0 0 2.5rem; } section > h2 { margin-bottom: .75rem; }
.bar { display: flex; justify-content: space-between; align-items: center; gap: 1rem; margin-bottom: .75rem; }
#filter { width: 18rem; max-width: 50%; padding: .4rem .65rem; border: 1px solid var(--line); border-radius: 7px; background: var(--card); color: inherit; font: inherit; font-size: 14px; }
.incident { display: grid; grid-template-columns: minmax(3.5rem, auto) minmax(0, 1fr); gap: 0 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem; margin-bottom: .8rem; }
.count b { display: block; color: var(--bad); font-size: 1.5rem; line-height: 1.3; font-weight: 650; font-variant-numeric: tabular-nums; text-align: right; }
h3 { margin: 0; font-size: 1.02rem; line-height: 1.45; font-weight: 620; }
.sentence { margin: .15rem 0 .5rem; overflow-wrap: anywhere; }
.tags { margin: 0 0 .55rem; display: flex; flex-wrap: wrap; gap: .35rem; align-items: center; font-size: 12.5px; }
.verdict, .tag { padding: .05rem .5rem; border-radius: 99px; border: 1px solid var(--line); color: var(--soft); }
.verdict { border-color: transparent; background: var(--badback); color: var(--bad); font-weight: 600; }
.id { color: var(--soft); font-family: var(--mono); font-size: 11.5px; margin-left: auto; }
code { font-family: var(--mono); font-size: 12.5px; background: var(--code); padding: .15rem .4rem; border-radius: 5px; overflow-wrap: anywhere; }
.next { margin: 0 0 .6rem; }
summary { cursor: pointer; color: var(--soft); font-size: 13.5px; width: max-content; max-width: 100%; }
ol { list-style: none; margin: .5rem 0 0; padding: 0; }
.finding { padding: .7rem 0; border-top: 1px solid var(--line); }
.finding p { margin: 0 0 .45rem; overflow-wrap: anywhere; }
.key { font-family: var(--mono); font-size: 13.5px; }
.proof { color: var(--soft); font-size: 12.5px; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 550; color: var(--soft); }
.rows { margin: 0 0 .5rem; table-layout: fixed; }
.rows th:first-child { width: 9rem; }
.rows td { font-family: var(--mono); font-size: 12.5px; white-space: pre-wrap; overflow-wrap: anywhere; }
.rows thead th { font-family: var(--mono); font-size: 12px; }
.rows tbody tr:last-child > * { border-bottom: 0; }
td.none { color: var(--soft); font-style: italic; }
.word { white-space: nowrap; }
.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sortable th { white-space: nowrap; }
.sortable.ready th { cursor: pointer; } .sortable th[aria-sort=ascending]::after { content: " ↑"; } .sortable th[aria-sort=descending]::after { content: " ↓"; }
.dot { display: inline-block; width: .55rem; height: .55rem; border-radius: 50%; margin-right: .5rem; }
.dot.bad { background: var(--bad); } .dot.good { background: var(--good); } .dot.doubt { background: var(--doubt); }
.note { color: var(--soft); font-size: 13.5px; margin: .6rem 0 0; }
.plain { list-style: none; margin: 0; padding: 0; }
.plain li { background: var(--doubtback); border-left: 4px solid var(--doubt); border-radius: 7px; padding: .6rem 1rem; margin-bottom: .5rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) { .incident { grid-template-columns: minmax(0, 1fr); } .count b { text-align: left; } }
@media print { #filter { display: none; } .incident { break-inside: avoid-page; } }
`
