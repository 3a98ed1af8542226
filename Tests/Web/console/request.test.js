import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { apiPath, curl, jsonObject, reading, target } from '../../../Web/console/request.js'

const base = 'http://localhost:8080/api/'

test('names in a path are encoded, and a colon stays', () => {
  assert.equal(apiPath`channels/${'room:1'}/history`, 'channels/room:1/history')
  assert.equal(apiPath`users/${'a/b c?#%'}/channels/${'é'}`, 'users/a%2Fb%20c%3F%23%25/channels/%C3%A9')
})

test('a name that is a step in a path is refused: another request would be sent', () => {
  assert.throws(() => apiPath`users/${'..'}/connections`, /cannot ask for the name/)
  assert.throws(() => apiPath`channels/${'.'}`, RangeError)
  assert.equal(apiPath`users/${'...'}`, 'users/...')
})

test('a query has what is given alone', () => {
  const query = { match: 'room:*', limit: 100, after: undefined, sort: '' }
  assert.equal(target(reading('channels', query)), 'channels?match=room%3A*&limit=100')
  assert.equal(target(reading('stats')), 'stats')
})

test('JSON stays as it was typed', () => {
  const data = '{"n": 12345678901234567890}'
  assert.equal(jsonObject({ data, from: undefined }), `{"data":${data}}`)
  assert.equal(jsonObject({}), '{}')
})

test('curl shows the variable in the place of the key, or no key at all', () => {
  const request = { method: 'DELETE', path: 'users/alice/connections', query: { reason: 'bye bye' } }
  assert.equal(curl(request, { base, hasKey: true }), [
    'curl -X DELETE \\', '  -H "Authorization: Bearer $APUS_API_KEY" \\',
    "  'http://localhost:8080/api/users/alice/connections?reason=bye+bye'",
  ].join('\n'))
  assert.doesNotMatch(curl(request, { base, hasKey: false }), /Authorization/)
})

test('a POST with a body needs no -X, one without does', () => {
  const post = { method: 'POST', path: 'notifications', body: '{}' }
  assert.match(curl(post, { base, hasKey: false }), /^curl \\\n {2}-d '{}'/)
  assert.match(curl({ method: 'PUT', path: 'x', body: '{}' }, { base, hasKey: false }), /^curl -X PUT/)
})

test('a shell gives curl what was typed, whatever it is', () => {
  const body = jsonObject({ data: JSON.stringify('it\'s $HOME `id` "quoted" \\ !\n') })
  const command = curl({ method: 'POST', path: 'notifications', body }, { base, hasKey: true })
  const printing = command.replace(/^curl/, 'printf "%s\\n"')
  const shown = execFileSync('sh', ['-c', printing], { env: { APUS_API_KEY: 'k' } }).toString()
  assert.equal(shown, `-H\nAuthorization: Bearer k\n-d\n${body}\n${base}notifications\n`)
})
