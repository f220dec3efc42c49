// Visits a sandbox with mcdev: retrieves a business unit into the current folder, deploys one thing of it.
// Arguments: where the sandbox is, and the folder with node_modules. Prints one JSON object.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [ready, home] = [JSON.parse(process.argv[2]), process.argv[3]];
const mcdev = path.join(home, 'node_modules', 'mcdev', 'lib');
const { default: config } = await import(pathToFileURL(path.join(mcdev, 'util', 'config.js')));

const units = { _ParentBU_: ready.accounts[0].mid, Retail: ready.accounts[1].mid };
const settings = await config.getDefaultProperties();
settings.credentials = { sandbox: { eid: ready.accounts[0].mid, businessUnits: units } };
settings.version = JSON.parse(fs.readFileSync(path.join(mcdev, '..', 'package.json'))).version;
settings.metaDataTypes.documentOnRetrieve = [];
// The address is checked by a pattern that is not anchored.
const address = ready.url + '/https://mc0123456789abcdefghijklmnop.auth.marketingcloudapis.com/';
const login = { client_id: ready.client_id, client_secret: ready.client_secret, auth_url: address, account_id: ready.accounts[0].mid };
fs.writeFileSync('.mcdevrc.json', JSON.stringify(settings));
fs.writeFileSync('.mcdev-auth.json', JSON.stringify({ sandbox: login }));
fs.writeFileSync('package.json', JSON.stringify({ name: 'visit', version: '1.0.0', private: true, type: 'module' }));

const environment = { ...process.env, HOME: process.cwd(), XDG_CONFIG_HOME: process.cwd(), NO_UPDATE_NOTIFIER: '1' };
const run = (...words) => {
  const done = spawnSync(process.execPath, [path.join(mcdev, 'cli.js'), ...words, '--skipInteraction'], { env: environment, encoding: 'utf8' });
  return (done.stdout + done.stderr).replace(/\u001b\[\d+m/g, '');
};
const seen = {};
const said = run('retrieve', 'sandbox/Retail', '-m', 'dataExtension', 'query', 'automation', 'list', 'dataExtract', 'fileTransfer', 'asset');
for (const [, type, count] of said.matchAll(/Downloaded: (\w+) \((\d+)\)/g)) seen[type] = Number(count);
const folder = path.join('retrieve', 'sandbox', 'Retail');
seen.automation_runs = JSON.parse(fs.readFileSync(path.join(folder, 'automation', 'mcdev.automation-meta.json'))).steps[0].activities[0].r__key;
const table = fs.readFileSync(path.join(folder, 'dataExtension', 'mcdev.dataExtension-meta.json'), 'utf8');
const target = path.join('deploy', 'sandbox', 'Retail', 'dataExtension');
fs.mkdirSync(target, { recursive: true });
fs.writeFileSync(path.join(target, 'mcdev_copy.dataExtension-meta.json'), table.replaceAll('"mcdev"', '"mcdev_copy"'));
seen.deployed = /created dataExtension: mcdev_copy/.test(run('deploy', 'sandbox/Retail', 'dataExtension'));
console.log(JSON.stringify(seen));
process.exit(0);
