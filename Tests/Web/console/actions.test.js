import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actions, fieldProblem, withPlaceholders } from '../../../Web/console/actions.js'
import { curl, target } from '../../../Web/console/request.js'

const action = id => actions.find(action => action.id === id)
const sent = (id, values) => {
  const request = action(id).request(values)
  return [request.method, target(request), request.body]
}

test('each action is the request of the HTTP API', () => {
  assert.deepEqual(sent('publish', { channel: 'room:1', data: '[1, 2]', from: 'alice', key: '' }),
    ['POST', 'channels/room:1/messages', '{"data":[1, 2],"from":"alice"}'])
  assert.deepEqual(sent('notify', { user: 'a b', data: '1' }), ['POST', 'users/a%20b/messages', '{"data":1}'])
  assert.deepEqual(sent('everybody', { data: 'null' }), ['POST', 'notifications', '{"data":null}'])
  assert.deepEqual(sent('disconnect', { user: 'alice', reason: '' }), ['DELETE', 'users/alice/connections', undefined])
  assert.deepEqual(sent('disconnect-one', { client: 'c-1', reason: 'why' }),
    ['DELETE', 'connections/c-1?reason=why', undefined])
  assert.deepEqual(sent('put', { user: 'alice', channel: 'a', presence: true, info: '{}' }),
    ['PUT', 'users/alice/channels/a', '{"presence":true,"info":{}}'])
  assert.deepEqual(sent('put', { user: 'alice', channel: 'a', presence: false, info: '' }),
    ['PUT', 'users/alice/channels/a', '{}'])
  assert.deepEqual(sent('take-out', { user: 'alice', channel: 'a' }), ['DELETE', 'users/alice/channels/a', undefined])
  assert.deepEqual(sent('delete-history', { channel: 'a' }), ['DELETE', 'channels/a/history', undefined])
})

test('whatever destroys or reaches everybody asks first', () => {
  const asking = actions.filter(({ question }) => question).map(({ id }) => id)
  assert.deepEqual(asking, ['everybody', 'disconnect', 'disconnect-one', 'take-out', 'delete-history'])
  assert.match(action('disconnect').question({ user: 'alice' }), /alice/)
})

test('a field says what is wrong with it', () => {
  const data = { kind: 'json', label: 'Data' }
  assert.equal(fieldProblem(data, '{"a":1}'), null)
  assert.match(fieldProblem(data, 'hello'), /not JSON/)
  assert.match(fieldProblem(data, ''), /fill this in/)
  assert.equal(fieldProblem({ ...data, isOptional: true }, ''), null)
  assert.equal(fieldProblem({ kind: 'text', label: 'User' }, 'hello'), null)
})

test('a command that is not filled in shows what belongs there', () => {
  const values = withPlaceholders(action('publish'), { channel: '', data: '', from: '', key: '' })
  const command = curl(action('publish').request(values), { base: 'http://x/api/', hasKey: false })
  assert.match(command, /channels\/CHANNEL\/messages/)
  assert.match(command, /{"data":null}/)
})

test('an answer is told in words, with the nodes that have not answered', () => {
  assert.equal(action('publish').done({ channel: 'a', offset: 4 }), 'Published to a, as message 4.')
  assert.match(action('publish').done({ channel: 'a', offset: 4, duplicate: true }), /^Nothing was published/)
  assert.match(action('notify').done({ online: false }, { user: 'bob' }), /bob is not connected/)
  const answer = { disconnected: 2, partial: ['web-2.x'] }
  assert.match(action('disconnect').done(answer), /^2 connections ended. web-2.x may not/)
})
