// Visits a sandbox with node's soap, which makes its calls from the WSDL. Runs in .clients.
const { createRequire } = require('module');
const soap = createRequire(process.cwd() + '/')('soap');
const ready = JSON.parse(process.argv[2]);
const seen = {};

async function signIn() {
  const answer = await fetch(ready.url + '/v2/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials', client_id: ready.client_id,
      client_secret: ready.client_secret, account_id: ready.accounts[1].mid,
    }),
  });
  return `<fueloauth xmlns="http://exacttarget.com">${(await answer.json()).access_token}</fueloauth>`;
}

async function visit() {
  const token = await signIn();
  const client = await soap.createClientAsync(ready.url + '/etframework.wsdl');
  client.addSoapHeader(token);
  const filter = {
    attributes: { 'xsi:type': 'tns:SimpleFilterPart' },
    Property: 'EventDate', SimpleOperator: 'greaterThan', DateValue: ['2020-01-01T00:00:00'],
  };
  let [page] = await client.RetrieveAsync({
    RetrieveRequest: { ObjectType: 'BounceEvent', Properties: ['SendID', 'SMTPReason'], Filter: filter },
  });
  seen.bounces = page.Results.length;
  seen.type = page.Results[0].attributes['xsi:type'];
  while (page.OverallStatus === 'MoreDataAvailable') {
    [page] = await client.RetrieveAsync({ RetrieveRequest: { ContinueRequest: page.RequestID } });
    seen.bounces += page.Results.length;
  }
  const [described] = await client.DescribeAsync({
    DescribeRequests: { ObjectDefinitionRequest: [{ ObjectType: 'Send' }] },
  });
  seen.described = described.ObjectDefinition[0].Properties.length;
  const [made] = await client.CreateAsync({
    Options: {},
    Objects: [{
      attributes: { 'xsi:type': 'tns:Subscriber' }, SubscriberKey: 'node-soap', EmailAddress: 'node@gmail.com',
    }],
  });
  seen.created = made.Results[0].StatusMessage;
  const newer = await soap.createClientAsync(ready.url + '/etframework.wsdl', { forceSoap12Headers: true });
  newer.addSoapHeader(token);
  seen.soap12 = (await newer.RetrieveAsync({ RetrieveRequest: { ObjectType: 'BusinessUnit', Properties: ['ID'] } }))[0].OverallStatus;
  client.clearSoapHeaders();
  seen.fault = await client.VersionInfoAsync({}).catch((error) => error.message.match(/Login failed/)[0]);
}

visit().then(() => console.log(JSON.stringify(seen))).catch((error) => { console.error(error); process.exit(1); });
