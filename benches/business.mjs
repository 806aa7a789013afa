// What is sold and to whom: `make bench-business`. Ten thousand tenants with their onboardings, two hundred plans in four versions each,
// a hundred thousand subscriptions; then how long every page of theirs takes. Client, server and PostgreSQL share the machine.
import { execFileSync, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';

const tenants = Number(process.env.TENANTS ?? 10_000), plans = Number(process.env.PLANS ?? 200), each = Number(process.env.TIMES_EACH ?? 100);
const versions = 4, periods = 10, port = await freePort(), base = `http://127.0.0.1:${port}`, agent = new Agent({ keepAlive: true, maxSockets: 1 });
const prices = '[[charge]]\nkey = "base"\nmodel = "flat"\namount = 900_000\n\n[[charge]]\nkey = "overage"\nmetric = "tokens"\nincluded = 10_000_000\nmodel = "graduated"\nper = 1_000\ntiers = [{ up_to = 30_000_000, price = 3.0 }, { price = 1.8 }]\n';

const began = performance.now();
fill();
console.log(`${tenants} tenants, ${plans} plans, ${sql('select count(*) from tenant_subscription')} subscriptions after ${((performance.now() - began) / 1000).toFixed(0)} s`);
const server = spawn(process.env.COUNTERSIGN_BIN, ['serve'], { env: { ...process.env, COUNTERSIGN_LISTEN: `127.0.0.1:${port}`, RUST_LOG: 'warn' }, stdio: 'inherit' });
try {
  while ((await call('/readyz', {}).catch(() => ({}))).status !== 200) await new Promise((done) => setTimeout(done, 20));
  const cookie = await signIn('admin@hanbit.example');
  const tenant = sql("select id from tenant where slug = 'bench-5000'"), company = sql(`select company_id from tenant where id = '${tenant}'`);
  const onboarding = sql(`select 'ON-' || id from tenant_onboarding_request where tenant_id = '${tenant}'`), open = sql("select 'ON-' || max(id) from tenant_onboarding_request where state = 'open'");
  const paths = [
    '/onboarding', '/onboarding?view=list', '/onboarding?view=list&state=open', '/onboarding?view=list&state=approved', '/onboarding?view=list&state=approved&sort=due', '/onboarding?view=list&late=yes',
    '/onboarding?view=list&step=migration', `/onboarding?view=list&q=${encodeURIComponent('벤치회사 77')}`, '/onboarding?view=list&q=bench-77', `/onboarding?view=list&after=~ON-${Math.floor(tenants / 2)}`,
    `/onboarding/${onboarding}`, `/onboarding/${open}`, '/onboarding/new', '/companies', `/companies?q=${encodeURIComponent('회사 77')}`, '/companies?region=jp', '/companies?sort=-name', `/companies/${company}`, `/tenants/${tenant}`,
    '/catalog/plans', '/catalog/plans?q=bench-7', '/catalog/plans?sort=-name', '/catalog/plans/bench-7', '/catalog/plans/bench-7?version=4&price=yes&use-tokens=87654321', '/catalog/plans/bench-7/next', '/catalog/addons', '/catalog/promotions',
    '/subscriptions', '/subscriptions?plan=bench-7', '/subscriptions?plan=bench-7&version=4', '/subscriptions?state=active', '/subscriptions?state=ended', '/subscriptions?state=undone', `/tenants/${tenant}/subscription`, `/tenants/${tenant}/subscription/change`, '/subscriptions/plans/bench-7',
    '/addons', `/tenants/${tenant}/addons`, `/tenants/${tenant}/invoice-preview`, '/permissions', '/payments',
  ];
  console.log(`\n${'page'.padEnd(72)}${['p50 ms', 'p95 ms', 'longest', 'KB'].map((head) => head.padStart(9)).join('')}`);
  for (const path of paths) {
    const times = [];
    let size = 0, status = 200;
    for (let n = -5; n < each && status === 200; n += 1) {
      const before = performance.now(), answer = await call(path, { cookie });
      if (n >= 0) times.push(performance.now() - before);
      ({ status } = answer), size = answer.body.length;
    }
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1);
    console.log(path.padEnd(72) + (status === 200 ? [at(0.5), at(0.95), at(1), (size / 1024).toFixed(0)] : [`answers ${status}`]).map((cell) => String(cell).padStart(9)).join(''));
  }
} finally {
  agent.destroy();
  server.kill('SIGTERM');
}

/** As the owner of the tables, whose triggers rest meanwhile: what was subscribed to years ago cannot begin today. Of what is late somebody was told
    long ago: two hundred notices would be written while the first page is measured. */
function fill() {
  const guarded = ['company', 'tenant', 'tenant_onboarding_request', 'tenant_onboarding_task', 'product', 'product_version', 'tenant_subscription'];
  const rest = (how) => guarded.map((table) => `alter table ${table} ${how} trigger user`).join('; ');
  const month = (n) => `(date_trunc('month', current_date) - interval '${periods - 1} months' + (${n}) * interval '1 month')::date`;
  sql(`begin; set local client_min_messages = warning; ${rest('disable')};
    create function pg_temp.biz(n int) returns text language sql as $$
      select d || ((10 - ((select sum(w * substr(d, i::int, 1)::int) from unnest(array[1, 3, 7, 1, 3, 7, 1, 3, 5]) with ordinality u (w, i)) + 5 * substr(d, 9, 1)::int / 10) % 10) % 10)
      from (select (100000000 + n)::text d) digits $$;
    insert into company (id, name, biz_reg_no, created_at)
      select 'cmp_' || lpad(to_hex(n), 10, '0'), '벤치회사 ' || n, pg_temp.biz(n), now() - interval '1 year' from generate_series(1, ${tenants}) n;
    insert into tenant (id, company_id, slug, region, time_zone, status, created_at, activated_at)
      select 'tnt_' || lpad(to_hex(n), 10, '0'), 'cmp_' || lpad(to_hex(n), 10, '0'), 'bench-' || n, (array['kr', 'kr', 'kr', 'jp', 'sg', 'us'])[1 + n % 6], 'Asia/Seoul',
        case when n % 50 = 0 then 'provisioning' else 'active' end, now() - interval '1 year', case when n % 50 > 0 then now() - interval '11 months' end from generate_series(1, ${tenants}) n;
    insert into tenant_onboarding_request (tenant_id, revision, state, plan_code, contract_number, expected_amount, contact_name, contact_email, requester_id, owner_id, created_at, opened_at, due_at, expires_at, closed_at)
      select 'tnt_' || lpad(to_hex(n), 10, '0'), 1, case when n % 50 = 0 then 'open' else 'approved' end, 'bench-' || 1 + n % ${plans}, 'BENCH-' || n, 990000, '담당자', 'bench@customer.example', o.id, o.id,
        now() - interval '1 year', now() - interval '1 year', now() - interval '11 months' + n % 50 * interval '1 day' + case when n % 50 = 0 then interval '11 months' else interval '0' end, now() + interval '1 year', case when n % 50 > 0 then now() - interval '11 months' end
      from generate_series(1, ${tenants}) n, (select id from operator where email = 'cs@hanbit.example') o;
    insert into tenant_onboarding_task (onboarding_id, seq, kind, state, owner_id, due_at, evidence, evidence_hash, overdue_told)
      select r.id, k.seq, k.kind, case when r.state = 'approved' or k.seq <= r.id % 4 then 'passed' else 'pending' end, r.owner_id, r.due_at, '{}', pg_catalog.sha256(convert_to('{}', 'UTF8')), true
      from tenant_onboarding_request r, (values (1, 'contract'), (2, 'payment'), (3, 'permission'), (4, 'migration')) k (seq, kind) where r.contract_number like 'BENCH-%';
    insert into product (kind, code, name, created_at) select 'plan', 'bench-' || n, '벤치 요금제 ' || n, now() - interval '2 years' from generate_series(1, ${plans}) n;
    insert into product_version (kind, code, version, currency, valid, document, hash, request_id, published_at)
      select 'plan', 'bench-' || p, v, 'KRW', daterange(case when v = 1 then date '2020-01-01' else ${month('v * 2 - 2')} end, case when v < ${versions} then ${month('v * 2')} end), '${prices}', pg_catalog.sha256(convert_to('${prices}', 'UTF8')),
        r.id, now() - interval '1 year' from generate_series(1, ${plans}) p, generate_series(1, ${versions}) v,
        lateral (select id from request q where q.id > (p * ${versions} + v) * 3 and not exists (select from product_version x where x.request_id = q.id) order by id limit 1) r;
    insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at, ended_in)
      select 'tnt_' || lpad(to_hex(n), 10, '0'), 'bench-' || 1 + n % ${plans}, least(${versions}, 1 + k / 2), daterange(${month('k')}, case when k < ${periods - 1} then ${month('k + 1')} end), r.id, now() - interval '1 year',
        case when k < ${periods - 1} then r.id end from generate_series(1, ${tenants}) n, generate_series(0, ${periods - 1}) k, (select max(id) id from request) r;
    ${rest('enable')}; commit`);
  sql('vacuum analyze company, tenant, tenant_onboarding_request, tenant_onboarding_task, product, product_version, tenant_subscription');
}

function sql(text) {
  return execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', process.env.DATABASE_OWNER_URL, '-c', text], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

async function signIn(email) {
  const form = await call('/login', {});
  const csrf = /name="csrf" value="([^"]*)"/.exec(form.body)?.[1] ?? '';
  const body = new URLSearchParams({ csrf, next: '/', email, password: 'countersign-demo' }).toString();
  const answer = await call('/login', { cookie: form.cookie, body });
  if (answer.status !== 303) throw new Error(`signing in answered ${answer.status}`);
  return answer.cookie ?? form.cookie;
}

function call(path, { cookie, body }) {
  return new Promise((resolve, reject) => {
    const headers = { ...(cookie && { cookie }), ...(body && { 'content-type': 'application/x-www-form-urlencoded', origin: base }) };
    request(new URL(path, base), { method: body ? 'POST' : 'GET', agent, headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('end', () => resolve({
        status: response.statusCode,
        cookie: response.headers['set-cookie']?.map((line) => line.split(';')[0]).join('; '),
        body: Buffer.concat(parts).toString(),
      })).on('error', reject);
    }).on('error', reject).end(body);
  });
}

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => done(port)); });
  });
}
