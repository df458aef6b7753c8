// A real OpenID provider (npm oidc-provider) over TLS for tests, whose people log in without a form: as the test told it last.
//   node provider.mjs PORT CERTIFICATE KEY REDIRECT_URI
// POST /test {"account": "demo", "acr": "pwd", "age": 0, "refuse": false} says who logs in next, how, and how many seconds ago.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Provider } from 'oidc-provider';

const [port, certificate, key, redirect_uri] = process.argv.slice(2);
const issuer = `https://localhost:${port}`;
let next = { account: 'demo', acr: 'pwd', age: 0, refuse: false };

const provider = new Provider(issuer, {
  clients: [{ client_id: 'stepgate', client_secret: 'a secret', redirect_uris: [redirect_uri], grant_types: ['authorization_code'], response_types: ['code'] }],
  acrValues: ['phr', 'pwd'],
  claims: { openid: ['sub', 'acr'], profile: ['preferred_username'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['a key of the test'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id }) }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
});
const handle = provider.callback();

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  if (request.url === '/test') {
    let body = '';
    for await (const part of request) body += part;
    next = { age: 0, refuse: false, ...JSON.parse(body) };
    response.end();
    return;
  }
  if (!request.url.startsWith('/interaction/')) {
    handle(request, response);
    return;
  }
  const result = next.refuse
    ? { error: 'access_denied', error_description: 'the test says no' }
    : { login: { accountId: next.account, acr: next.acr, ts: Math.floor(Date.now() / 1000) - next.age, remember: true } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}).listen(Number(port), 'localhost', () => console.log('ready'));
