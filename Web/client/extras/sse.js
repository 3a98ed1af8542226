/** Reads the body of a stream of Server-Sent Events: `event(text)` for each `data:`, pings among them. */
export async function readEvents(body, event) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  while (true) {
    const { done, value } = await reader.read()
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop()
    for (const line of lines) if (line.startsWith('data: ')) event(line.slice(6))
  }
}
