// Visits a sandbox with sfmc-sdk, fuel-soap, fuel-rest and sfmc-fuelsdk-node; prints one JSON object. Runs in .clients.
const { createRequire } = require('module');
const need = createRequire(process.cwd() + '/');
const ready = JSON.parse(process.argv[2]);
const seen = {};
const filter = { leftOperand: 'EventDate', operator: 'greaterThan', rightOperand: '2020-01-01T00:00:00' };
const rowset = '/data/v1/customobjectdata/key/bouncelens_sends/rowset';

async function sfmcSdk() {
  const { default: SDK } = await import(need.resolve('sfmc-sdk'));
  const sdk = new SDK({
    client_id: ready.client_id,
    client_secret: ready.client_secret,
    // The address is checked by a pattern that is not anchored.
    auth_url: ready.url + '/https://mc0123456789abcdefghijklmnop.auth.marketingcloudapis.com/',
    account_id: ready.accounts[1].mid,
  }, { requestAttempts: 2 });
  const bounces = await sdk.soap.retrieveBulk('BounceEvent', ['SendID', 'SubscriberKey', 'EventDate'], { filter });
  seen.sdk_bounces = new Set(bounces.Results.map((r) => `${r.SendID} ${r.SubscriberKey} ${r.EventDate}`)).size;
  seen.sdk_rows = (await sdk.rest.getBulk(rowset, 2500)).items.length;
  // An empty rowset has no items, which this client takes for an error.
  seen.sdk_nothing = await sdk.rest.getBulk(rowset + '?$filter=' + encodeURIComponent("Domain eq 'no.where'"), 2500).catch((e) => e.message);
  seen.sdk_error = await sdk.soap.retrieve('Foo', ['a'], {}).catch((e) => e.message);
  seen.sdk_described = (await sdk.soap.describe('BounceEvent')).ObjectDefinition.Properties.length;
  const made = await sdk.soap.create('DataExtension', {
    CustomerKey: 'sdk', Name: 'sdk',
    Fields: { Field: [{ Name: 'Id', FieldType: 'Number', IsPrimaryKey: true, IsRequired: true }] },
  }, {});
  seen.sdk_created = made.Results[0].StatusMessage;
  // A token that expired is renewed once, and the call repeated.
  sdk.auth.authObject.access_token = 'old';
  seen.sdk_renewed = (await sdk.rest.get('/platform/v1/tokenContext')).organization.id;
}

const auth = {
  clientId: ready.client_id, clientSecret: ready.client_secret, authUrl: ready.url + '/v2/token',
  authOptions: { authVersion: 2, accountId: ready.accounts[1].mid },
};

function fuelSoap() {
  const FuelSoap = need('fuel-soap');
  const client = new FuelSoap({ auth, soapEndpoint: ready.url + '/Service.asmx' });
  return new Promise((resolve, reject) => client.retrieve('BounceEvent', ['SendID', 'SubscriberKey'], { filter },
    (error, answer) => {
      if (error) return reject(error);
      seen.fuel_soap = [answer.body.OverallStatus, answer.body.Results.length];
      return resolve();
    }));
}

function fuelRest() {
  const FuelRest = need('fuel-rest');
  // fuel-rest cuts an address at ".com/" and puts the token's REST address before the rest.
  const client = new FuelRest({ auth, origin: 'https://any.com/' });
  return new Promise((resolve, reject) => client.get({ uri: rowset }, (error, answer) => {
    if (error) return reject(error);
    seen.fuel_rest = answer.body.count;
    return resolve();
  }));
}

async function fuelSdkNode() {
  const SDK = need('sfmc-fuelsdk-node');
  const client = new SDK(ready.client_id, ready.client_secret, null, {
    origin: 'https://any.com/', authOrigin: ready.url, soapOrigin: ready.url + '/',
    authOptions: { authVersion: 2, accountId: ready.accounts[1].mid, applicationType: 'server' },
  });
  client.FuelAuthClient.authUrl = ready.url + '/v2/token';
  const get = (thing) => new Promise((resolve, reject) => thing.get((error, answer) => (
    error ? reject(error) : resolve(answer.body.Results.length))));
  seen.node_bounces = await get(client.bounceEvent({ props: ['SendID', 'SubscriberKey'] }));
  seen.node_lists = await get(client.list({ props: ['ID', 'ListName'] }));
  seen.node_rows = await get(client.dataExtensionRow({ Name: 'bouncelens_sends', props: ['JobID'] }));
}

sfmcSdk().then(fuelSoap).then(fuelRest).then(fuelSdkNode)
  .then(() => console.log(JSON.stringify(seen)))
  .catch((error) => { console.error(error); process.exit(1); });
