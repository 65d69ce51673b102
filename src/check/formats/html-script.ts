/** The script of the HTML report: it filters findings and sorts tables, and without it everything can be read. */
export const pageScript = `
const filter = document.getElementById('filter')
if (filter) {
  filter.hidden = false
  filter.addEventListener('input', () => {
    const wanted = filter.value.trim().toLowerCase()
    for (const incident of document.querySelectorAll('.incident')) {
      const named = incident.querySelector('h3').textContent.toLowerCase().includes(wanted)
      let shown = 0
      for (const finding of incident.querySelectorAll('.finding')) {
        finding.hidden = !named && !finding.textContent.toLowerCase().includes(wanted)
        if (!finding.hidden) shown += 1
      }
      incident.hidden = shown === 0
    }
  })
}
for (const table of document.querySelectorAll('.sortable')) {
  table.classList.add('ready')
  const heads = [...table.tHead.rows[0].cells]
  const valueOf = (row, i) => row.cells[i].dataset.sort ?? row.cells[i].textContent
  heads.forEach((head, i) => head.addEventListener('click', () => {
    const ascending = head.getAttribute('aria-sort') !== 'ascending'
    for (const other of heads) other.removeAttribute('aria-sort')
    head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending')
    const rows = [...table.tBodies[0].rows]
    rows.sort((a, b) => valueOf(a, i).localeCompare(valueOf(b, i), 'en', { numeric: true }) * (ascending ? 1 : -1))
    table.tBodies[0].append(...rows)
  }))
}
`
