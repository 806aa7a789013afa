import { chromium } from 'playwright-core';
const base = process.env.BASE || 'http://127.0.0.1:8123';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox','--disable-gpu','--disable-quic','--no-first-run','--disable-background-networking','--disable-component-update','--disable-sync'] });
async function person(email, lang='ko', theme='light', size={width:1440,height:900}) {
  const c = await b.newContext({ viewport: size });
  await c.addCookies([{name:'lang',value:lang,url:base},{name:'theme',value:theme,url:base}]);
  const p = await c.newPage();
  p.on('console', m => { if (['error','warning'].includes(m.type())) console.log(email, 'CONSOLE', m.text().slice(0,200)); });
  p.on('pageerror', e => console.log(email, 'PAGEERROR', String(e).slice(0,300)));
  p.on('response', r => { if (r.status() >= 400) console.log(email, r.status(), r.url()); });
  await p.goto(base + '/login');
  await p.fill('input[name=email]', email); await p.fill('input[name=password]', 'countersign-demo');
  await p.click('main button[type=submit], form[action="/login"] button[type=submit]');
  await p.waitForLoadState();
  return p;
}
const dir='/tmp/shots'; import fs from 'fs'; fs.mkdirSync(dir,{recursive:true});
const a = await person('admin@hanbit.example');
console.log(a.url());
const shots = [['/','dash'],['/inbox?tab=open','inbox'],['/requests/new','choose'],['/orgs','orgs'],['/orgs/org_hanbit0001','org'],['/requests/new/org.tier.fix?org_id=org_hanbit0001','new'],['/users','users'],['/ledger','ledger'],['/access','access'],['/api/docs','docs'],['/nope','404']];
for (const [path,name] of shots) { await a.goto(base+path); await a.screenshot({path:`${dir}/${name}.png`}); }
await a.goto(base+'/inbox?tab=open'); const href = await a.locator('[data-request-row] a, tbody a').first().getAttribute('href'); console.log(href);
await a.goto(base+href); await a.screenshot({path:`${dir}/split.png`});
await b.close();
