/** How the demo's page looks: plain CSS, light and dark as the reader's system is. */

export const demoStyle = `
:root { color-scheme: light dark; --ground: #f7f6f3; --card: #fff; --text: #22252a; --faint: #676d76; --line: #dfddd7; --good: #1f7a4d; --bad: #b3261e; --accent: #2f5aa8; --code: #f0eee9 }
@media (prefers-color-scheme: dark) { :root { --ground: #16181b; --card: #1f2226; --text: #e6e6e3; --faint: #9aa1ab; --line: #34383e; --good: #62c394; --bad: #ff8a80; --accent: #8ab4f8; --code: #2a2e33 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.6rem 1.2rem 3rem; max-width: 76rem; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
body.gone::before { content: "The demo has ended."; display: block; padding: .6rem 1rem; margin-bottom: 1rem; background: var(--bad); color: var(--card); border-radius: .4rem }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.01em }
h2 { margin: 0 0 .2rem; font-size: 1.05rem }
header p { max-width: 62rem; margin: .3rem 0 1.1rem; color: var(--faint) }
header b { color: var(--text) }
.faults { display: flex; flex-wrap: wrap; gap: .7rem; margin-bottom: 1.1rem }
button { font: inherit; font-weight: 600; text-align: left; padding: .5rem .9rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: var(--accent); cursor: pointer }
button:hover, button:focus-visible { border-color: var(--accent); outline: none }
button small { display: block; font-weight: 400; color: var(--faint) }
.variants { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; align-items: start }
article { background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--line); border-radius: .5rem; padding: .9rem 1.1rem 1rem }
article.good { border-top-color: var(--good) } article.good h2 { color: var(--good) }
article.bad { border-top-color: var(--bad) } article.bad h2 { color: var(--bad) }
article h2 span { display: inline-block; color: var(--text); text-transform: uppercase; font-size: .78rem; letter-spacing: .08em; margin-right: .5rem }
.counts, .more, .odd { margin: 0 0 .5rem; color: var(--faint); font-size: .88rem; font-variant-numeric: tabular-nums }
.odd { color: var(--bad) }
ol { list-style: none; margin: .4rem 0 0; padding: 0 }
ol li { padding: .55rem 0; border-top: 1px solid var(--line) }
li i { color: var(--bad); font-style: normal; font-size: .88rem }
li q { quotes: none; color: var(--faint); font-size: .88rem; display: block }
li p { margin: .1rem 0 .3rem; font-size: .92rem; overflow-wrap: anywhere }
code { font: .85rem/1.5 ui-monospace, monospace; background: var(--code); padding: .12rem .4rem; border-radius: .3rem; overflow-wrap: anywhere; user-select: all }
section { margin-top: 1.4rem } .variants, .faults { margin-top: 0 }
table { width: 100%; border-collapse: collapse; font-size: .92rem }
th { text-align: left; font-weight: 500; color: var(--faint); font-size: .82rem }
th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line) }
.n { text-align: right; font-variant-numeric: tabular-nums }
td.about { color: var(--faint) }
tr.stopped td { color: var(--bad) }
.log { list-style: none; margin: 0; padding: 0; font-size: .9rem }
.log li { padding: .2rem 0 } time { color: var(--faint); font-variant-numeric: tabular-nums; margin-right: .6rem }
@media (max-width: 40rem) { td.about, th:nth-child(2) { display: none } }
`
